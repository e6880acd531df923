/* The labelling desk in the page. It holds a few pairs ahead, already drawn and hidden, so that the next one stands there within a frame of
   the key press; what was decided is told to the app afterwards, one thing after the other, until it is acknowledged. It knows nothing of who
   wrote which letter. Everything in `html` was escaped by the app. */
(() => {
  const $ = (id) => document.getElementById(id);
  const stage = () => $("label-stage");
  const seen = (el) => !!el && el.offsetParent !== null;
  const SIDES = { left: "A", right: "B" };
  const SAID = { left: "A", right: "B", tie: "Tie", both_bad: "Both bad" };
  const WAITS = [500, 1500, 4000];  // before a decision is told again, when the app cannot be reached
  const UNREACHED = "The app could not be reached. Your decision on this pair is not stored. The pair is back: decide again when the app is there.";

  let pairs = [];      // those to judge; the first one is on the screen
  let done = [];       // judged here, newest last: what undo gives back at once
  let actions = [];    // told one after another; the first one may be on its way
  let telling = false, loaded = false, looking = 0, since = 0, editing = null, mixing = false;
  const drawn = new Map();  // pair id -> its element

  // --- talking to the app -----------------------------------------------------------------------------------------------------------

  async function ask(verb, given = {}) {
    const have = [...pairs, ...actions.filter((a) => a.pair).map((a) => a.pair)].map((pair) => pair.id);
    const answer = await fetch(`label/${verb}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, credentials: "same-origin", keepalive: true,
      body: JSON.stringify({ ...given, have }),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(told.error || "Something went wrong. Try again."), { refused: answer.status < 500, full: answer.status === 507 });
    return told;
  }

  async function tell() {  // one at a time: what comes later may depend on the receipt of what came before
    if (telling) return;
    telling = true;
    while (actions.length) {
      const action = actions[0];
      let told = null, failed = null;
      for (let again = 0; !told; again++) {
        try { told = await ask(action.verb, action.given()); } catch (error) {
          if (error.full || (!error.refused && again < WAITS.length)) {  // a full disk: until there is space
            say(error.full ? error.message : "Not stored yet: the app does not answer. Trying again.", true);
            await new Promise((go) => setTimeout(go, WAITS[Math.min(again, WAITS.length - 1)]));
            continue;
          }
          failed = error;
          break;
        }
      }
      actions.shift();
      if (failed) { action.failed(failed.refused ? failed.message : UNREACHED); continue; }
      action.done(told);
      take(told);
    }
    telling = false;
  }

  function take(told) {
    const gone = new Set(actions.filter((a) => a.pair).map((a) => a.pair.id));
    for (const pair of told.pairs || []) if (!gone.has(pair.id) && !pairs.some((other) => other.id === pair.id)) pairs.push(pair);
    if (told.recent !== undefined && !actions.length) $("label-recent").innerHTML = told.recent;
    if (told.progress) { stage().dataset.left = told.progress.waiting + told.progress.ready; $("label-progress").textContent = told.progress.said; stage().dataset.pairs = told.progress.pairs; }
    show();
  }

  async function look() {
    clearTimeout(looking);
    if (!seen(stage())) return;
    try { take(await ask("state")); loaded = true; } catch (error) { say(error.refused || error.full ? error.message : "The app could not be reached. Load the page again when it is there.", true); }
    show();
  }

  // --- showing ------------------------------------------------------------------------------------------------------------------------

  function element(pair) {
    let made = drawn.get(pair.id);
    if (!made) {
      made = document.createElement("div");
      made.className = "labelled";
      made.innerHTML = pair.html;
      drawn.set(pair.id, made);
      $("label-pairs").append(made);
    }
    return made;
  }

  let shown = "";
  function show() {
    const current = pairs[0];
    for (const pair of pairs.slice(0, 4)) element(pair).hidden = pair !== current;
    for (const [id, made] of drawn) if (!pairs.some((pair) => pair.id === id)) { made.remove(); drawn.delete(id); }
    $("label-vote").hidden = !current;
    const empty = !current && loaded && stage().dataset.pairs === "0", waiting = !current && loaded && !empty && Number(stage().dataset.left) > 0;
    $("label-empty").hidden = !empty;
    $("label-over").hidden = current || !loaded || empty || waiting;
    $("label-waiting").hidden = !(waiting || (!loaded && !current));
    if (waiting) { clearTimeout(looking); looking = setTimeout(look, 1000); }
    if (!current || current.id === shown) { if (!current) { shown = ""; delete stage().dataset.shown; } return; }
    leave();
    shown = current.id;
    since = performance.now();
    for (const box of stage().querySelectorAll("#label-reasons input")) box.checked = false;
    stage().dataset.shown = current.id;  // tells a measuring browser what stands there
    $("label-changing").hidden = !current.replaces && !current.settle;
    $("label-changing").textContent = current.settle ? "Labelers disagree on this pair. What you choose now counts." : "You change an earlier decision. Choose again, or press s to leave it as it is.";
    $("label-now").textContent = `Next pair: ${current.about}`;
    const top = stage().getBoundingClientRect().top;
    if (top < 0 || top > innerHeight / 2) stage().scrollIntoView({ block: "start" });
  }

  function say(text, warning = false) {
    const line = $("label-saved");
    line.textContent = text;
    line.classList.toggle("warning", warning);
  }

  // --- deciding -----------------------------------------------------------------------------------------------------------------------

  const READ_MS = 300;  // nobody has read a pair by then: it is the second half of a double click
  const tooSoon = () => performance.now() - since < READ_MS;

  function decide(verdict, edited = null, from = null) {
    if (tooSoon()) return;
    const pair = pairs.shift();
    if (!pair) return;
    const entry = { pair, receipt: "" };
    const reasons = [...stage().querySelectorAll("#label-reasons input:checked")].map((box) => box.value);
    const given = { id: pair.id, verdict, edited, edited_from: from, reasons, seconds: (performance.now() - since) / 1000,
      replaces: pair.replaces || null, settle: !!pair.settle };
    done.push(entry);
    done = done.slice(-50);
    $("label-recent").insertAdjacentHTML("afterbegin", `<li class="pending"><b>${edited ? "Your version" : SAID[verdict]}</b> <span class="near">being stored…</span></li>`);
    show();
    act({ verb: "vote", pair, entry, given: () => given,
      done: (told) => { entry.receipt = told.receipt.receipt; say(told.saved); },
      failed: (why) => { done = done.filter((other) => other !== entry); actions = actions.filter((one) => one.entry !== entry); back(pair); $("label-recent").querySelector(".pending")?.remove(); say(why, true); } });
  }

  function act(action) { actions.push(action); tell(); }

  function back(pair) {  // to the front, where the person looks
    pairs = [pair, ...pairs.filter((other) => other.id !== pair.id)];
    show();
  }

  function skip() {
    if (tooSoon()) return;
    const pair = pairs.shift();
    if (!pair) return;
    show();
    if (pair.replaces || pair.settle) return say("Left as it was.");
    act({ verb: "skip", pair, given: () => ({ id: pair.id }), done: () => say("Skipped: this pair is not asked of you again."),
      failed: (why) => { back(pair); say(why, true); } });
  }

  function undo() {
    const entry = done.pop();
    if (entry) {
      const unsent = actions.findIndex((action, at) => action.entry === entry && action.verb === "vote" && (at > 0 || !telling));
      if (unsent >= 0) { actions.splice(unsent, 1); $("label-recent").querySelector(".pending")?.remove(); say("Taken back."); return back(strip(entry.pair)); }
      back(strip(entry.pair));
    }
    act({ verb: "undo", entry, given: () => ({ receipt: entry ? entry.receipt : null }),
      done: (told) => { if (!entry) back(told.pair); say("Taken back: the pair stands here again."); },
      failed: (why) => say(why, true) });
  }

  const strip = (pair) => ({ ...pair, replaces: null, settle: false });

  async function reopen(id, more) {
    try {
      const told = await ask("pair", { id });
      done = done.filter((entry) => entry.pair.id !== id);
      back({ ...told.pair, ...more });
      stage().scrollIntoView({ block: "start" });
    } catch (error) { say(error.message, true); }
  }

  // --- editing and mixing -------------------------------------------------------------------------------------------------------------

  const box = () => $("label-edited");
  function edit(side, text = null) {
    const pair = pairs[0];
    if (!pair) return;
    editing = { side, drafts: editing ? editing.drafts : {} };
    if (text !== null) editing.drafts[side] = text;
    box().value = editing.drafts[side] ?? pair[side];
    $("label-edited-name").textContent = side === "both" ? "Your mix: take paragraphs of both letters, and change what you like" : `Your version of letter ${SIDES[side]}`;
    $("label-editor").hidden = false;
    if (side !== "both") box().focus();
    $("label-editor").scrollIntoView({ block: "nearest" });
  }

  function keepDraft() { if (editing) editing.drafts[editing.side] = box().value; }
  function other() { keepDraft(); edit(editing && editing.side === "left" ? "right" : "left"); }

  function mix() {
    const pair = pairs[0];
    if (!pair || mixing) return;
    keepDraft();
    mixing = true;
    const holder = element(pair);
    holder.classList.add("mixing");
    const parts = [...holder.querySelectorAll(".part")];
    for (const part of parts) {
      part.tabIndex = 0;
      part.setAttribute("role", "button");
      part.setAttribute("aria-pressed", "false");
    }
    edit("both", "");
    parts[0]?.focus();
    $("label-now").textContent = "Mix: arrow keys move between paragraphs, Enter takes one or leaves it, Ctrl Enter chooses your mix.";
  }

  function toggle(part) {
    const text = pairs[0].parts[part.dataset.side][Number(part.dataset.number)], taken = part.getAttribute("aria-pressed") === "true";
    const parts = box().value.split(/\n\s*\n/).map((one) => one.trim()).filter(Boolean);
    if (taken) { const at = parts.indexOf(text); if (at >= 0) parts.splice(at, 1); }
    else {  // where it stands in its own letter
      const chosen = [...element(pairs[0]).querySelectorAll(".part[aria-pressed=true]")];
      const rank = (one) => Number(one.dataset.number) * 2 + (one.dataset.side === "right");
      const after = chosen.filter((one) => rank(one) < rank(part)).map((one) => parts.lastIndexOf(pairs[0].parts[one.dataset.side][Number(one.dataset.number)]));
      parts.splice(chosen.length ? Math.max(-1, ...after) + 1 : parts.length, 0, text);
    }
    part.setAttribute("aria-pressed", String(!taken));
    box().value = parts.join("\n\n");
  }

  function move(part, key) {
    const { side, number } = part.dataset, parts = (which) => [...element(pairs[0]).querySelectorAll(`.part[data-side=${which}]`)];
    const own = parts(side), across = parts(side === "left" ? "right" : "left");
    const to = key === "ArrowDown" ? own[Number(number) + 1] : key === "ArrowUp" ? own[Number(number) - 1]
      : (key === "ArrowRight") === (side === "left") ? across[Math.min(Number(number), across.length - 1)] : null;
    if (to) { to.focus(); to.scrollIntoView({ block: "nearest" }); }
  }

  function leave() {
    if (mixing && drawn.get(shown)) {
      drawn.get(shown).classList.remove("mixing");
      for (const part of drawn.get(shown).querySelectorAll(".part")) for (const name of ["role", "tabindex", "aria-pressed"]) part.removeAttribute(name);
    }
    if (editing && $("label-editor").contains(document.activeElement)) document.activeElement.blur();
    editing = null; mixing = false;
    $("label-editor").hidden = true;
  }

  function choose() {
    if (!editing) return;
    const text = box().value.trim(), pair = pairs[0];
    if (!text) return say("Your version is empty. Nothing was stored. Write or take a paragraph first.", true);
    if (editing.side !== "both" && text === pair[editing.side].trim()) return decide(editing.side);  // nothing was changed: the letter itself
    decide(editing.side === "both" ? "tie" : editing.side, text, editing.side);
  }

  // --- keys and clicks ----------------------------------------------------------------------------------------------------------------

  const VERBS = {
    left: () => decide("left"), right: () => decide("right"), tie: () => decide("tie"), both_bad: () => decide("both_bad"),
    edit: () => (editing && editing.side !== "both" ? other() : edit("left")), skip, undo, mix,
    help: () => { $("label-keylist").hidden = !$("label-keylist").hidden; },
    choose, cancel: leave,
  };
  const KEYS = { 1: "left", 2: "right", 3: "tie", 4: "both_bad", e: "edit", s: "skip", u: "undo", m: "mix", "?": "help" };
  const typing = (el) => !!el && (el.isContentEditable || !!el.closest("textarea, select, [role=listbox], [role=combobox], input:not([type=checkbox])"));
  const single = () => localStorage.getItem("ftapp-keys") !== "off";

  document.addEventListener("keydown", (event) => {
    if (!seen(stage()) || event.altKey || event.metaKey || event.repeat) return;
    const inside = stage().contains(event.target), part = event.target.closest?.(".mixing .part");
    if (part && event.key.startsWith("Arrow")) { event.preventDefault(); return move(part, event.key); }
    if (part && !event.ctrlKey && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); return toggle(part); }
    if (event.key === "Escape" && editing) { event.preventDefault(); return leave(); }
    if (event.ctrlKey && event.key === "Enter" && editing) { event.preventDefault(); return choose(); }
    const verb = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!verb || (!event.ctrlKey && (!single() || typing(event.target)))) return;
    if (event.ctrlKey && !(inside || event.target === document.body)) return;  // other fields keep their own keys
    event.preventDefault();
    VERBS[verb]();
  });

  document.addEventListener("click", async (event) => {
    const at = (what) => event.target.closest?.(what);
    const button = at("#label-stage [data-do]"), change = at("#label-recent .change"), settle = at("button.settle"), point = at("#label-pairs button.point"), part = at(".mixing .part");
    if (button) return VERBS[button.dataset.do]();
    if (change) return reopen(change.dataset.id, { replaces: change.dataset.receipt });
    if (settle) return reopen(settle.dataset.id, { settle: true });
    if (part && !at(".claim")) return toggle(part);
    if (at("#label-begin")) {
      at("#label-begin").disabled = true;
      try { take(await ask("begin")); } catch (error) { say(error.message, true); }
      return;
    }
    if (!point) return;
    event.stopImmediatePropagation();  // not the Write tab's
    const { side, number } = point.dataset;
    if (number === "0") return edit(side);
    try { edit(side, (await ask("shorter", { id: pairs[0].id, side, number: Number(number) })).text); } catch (error) { say(error.message, true); }
  }, true);

  document.addEventListener("change", (event) => {
    if (event.target.id === "label-keys") localStorage.setItem("ftapp-keys", event.target.checked ? "on" : "off");
  });

  // A page that goes away says what it had not said yet; the same decision twice is one.
  addEventListener("pagehide", () => {
    for (const action of actions) if (action.verb !== "undo") fetch(`label/${action.verb}`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify(action.given()) });
  });

  window.ftappLabel = {
    look: () => { if (stage()) { $("label-keys").checked = single(); look(); } },
    forget: () => { pairs = []; done = []; show(); look(); },  // somebody else labels now
  };
  const coming = setInterval(() => { if (seen(stage())) { clearInterval(coming); window.ftappLabel.look(); } }, 250);
})();
