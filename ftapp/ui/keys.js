/* Keys 1 to 4 choose, and screen readers hear a letter when it is whole. Nothing here knows what a letter says. */
(() => {
  const VERDICTS = { 1: "verdict-left", 2: "verdict-right", 3: "verdict-tie", 4: "verdict-both_bad" };
  const ON = "ftapp-keys";
  const shown = (el) => !!el && el.offsetParent !== null;
  const typing = (el) => !!el && (el.isContentEditable || !!el.closest("input, textarea, select, [role=listbox], [role=combobox]"));
  const on = () => localStorage.getItem(ON) !== "off";

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target) || !on()) return;
    const id = VERDICTS[event.key];
    const found = id && document.getElementById(id);
    const button = found && (found.matches("button") ? found : found.querySelector("button"));
    if (button && !button.disabled && button.offsetParent !== null) { event.preventDefault(); button.click(); }
  });

  // Arrow keys go from claim to claim of a letter.
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const claim = STEPS[event.key] && event.target.closest?.(".claim");
    if (!claim) return;
    const all = [...claim.closest(".letter, .paper").querySelectorAll(".claim")];
    event.preventDefault();
    all[all.indexOf(claim) + STEPS[event.key]]?.focus();
  });

  // The switch for the keys is kept in this browser only.
  document.addEventListener("change", (event) => {
    const box = event.target.closest && event.target.closest("#keys-switch input[type=checkbox]");
    if (box) localStorage.setItem(ON, box.checked ? "on" : "off");
  });

  // A button beside an open claim: say which one, then ask.
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button.point");
    const box = button && document.querySelector("#point textarea, #point input"), go = document.getElementById("resolve");
    if (!box || !go) return;
    box.value = `${button.dataset.side} ${button.dataset.number}`;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    setTimeout(() => (go.matches("button") ? go : go.querySelector("button")).click(), 60);
  });

  // Copying works over plain http too, where browsers offer no clipboard to scripts.
  window.ftappCopy = async (text) => {
    try { await navigator.clipboard.writeText(text); }
    catch {
      const box = Object.assign(document.createElement("textarea"), { value: text, style: "position:fixed;opacity:0" });
      document.body.append(box); box.select(); document.execCommand("copy"); box.remove();
    }
    const button = document.getElementById("take-copy");
    if (button) { const said = button.textContent; button.textContent = "Copied"; setTimeout(() => { button.textContent = said; }, 1500); }
  };
  window.ftappSave = (file) => {
    const at = file.lastIndexOf("|"), bytes = Uint8Array.from(atob(file.slice(at + 1)), (c) => c.charCodeAt(0));
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([bytes])), download: file.slice(0, at) });
    document.body.append(link); link.click(); link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // A file dropped on a box goes to the box's own file button.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => {
    const box = event.target.closest && event.target.closest("#posting, #resume");
    if (!box || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    const input = document.querySelector(`#${box.id}-file input[type=file], input#${box.id}-file, #${box.id}-file ~ input[type=file]`)
      || box.parentElement.parentElement.querySelector("input[type=file]");
    if (name === "drop" && input) { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); }
  }, true);

  // What was typed survives a refresh: kept in this tab only, forgotten when it closes. While the page still asks for the stored pair,
  // what a person types stands above what comes.
  const BOXES = ["posting", "resume", "hook"];
  const box = (id) => document.querySelector(`#${id} textarea, #${id} input`);
  let typed = {};
  document.addEventListener("input", (event) => {
    const of = typed && event.target.closest?.(BOXES.map((id) => `#${id}`).join());
    if (of) typed[of.id] = event.target.value;
  });
  window.ftappStanding = (...stored) => {
    const now = BOXES.map((id, i) => typed?.[id] ?? (stored[i] || sessionStorage.getItem(`ftapp-${id}`) || ""));
    typed = null;
    return now;
  };
  addEventListener("pagehide", () => { if (!typed) for (const id of BOXES) sessionStorage.setItem(`ftapp-${id}`, box(id)?.value || ""); });

  // An edit that is open survives too, while the pair that it belongs to is there again.
  const EDIT = "ftapp-edit";
  const letters = () => ["left", "right"].map((side) => document.querySelector(`#letter-${side} .letter`)?.textContent || "").join("|");
  addEventListener("pagehide", () => {
    const open = document.querySelector("#editor textarea");
    if (!shown(open)) { sessionStorage.removeItem(EDIT); return; }
    const side = /letter B/.test(document.querySelector("#edited label, #edited")?.textContent) ? "right" : "left";
    sessionStorage.setItem(EDIT, JSON.stringify({ of: letters(), side, text: open.value }));
  });
  const reopen = () => {
    const kept = JSON.parse(sessionStorage.getItem(EDIT) || "null");
    if (!kept) return;
    let tries = 240;
    const again = setInterval(() => {
      const open = document.querySelector("#editor textarea"), button = document.getElementById(`edit-${kept.side}`);
      if (!tries--) clearInterval(again);
      else if (shown(open)) {
        clearInterval(again);
        open.value = kept.text;
        open.dispatchEvent(new Event("input", { bubbles: true }));
      } else if (letters() === kept.of && shown(button) && tries % 4 === 0) button.click();
    }, 250);
  };
  reopen();

  // When a button goes away under the focus, the focus goes to what took its place; else the keyboard starts over at the top.
  const HEIRS = {
    write: "#stop", again: "#stop", stop: "#write", verdict: "#undo", editor: "#undo, #edit-left", after: "#verdict-left",
  };
  let held = null;
  document.addEventListener("focusin", (event) => { held = event.target.closest(Object.keys(HEIRS).map((id) => `#${id}`).join()); });
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest("button")) held = null; });
  const inherit = () => {
    if (!held || shown(held) || document.activeElement !== document.body) return;
    [...document.querySelectorAll(HEIRS[held.id])].find(shown)?.focus({ preventScroll: true });
  };

  // Gradio 6.31 opens a list on every key in its field, the Tab that leaves it too, and the list then stays open.
  addEventListener("keydown", (event) => {
    if (event.key === "Tab" && event.target.matches?.("[role=combobox]")) event.stopPropagation();
  }, true);

  // An editor that opens is where the person wants to be.
  let editing = false;
  const follow = () => {
    const edited = document.querySelector("#editor textarea");
    if (shown(edited) === editing) return;
    editing = !editing;
    if (!editing) return;
    edited.focus({ preventScroll: true });
    edited.closest("#editor").scrollIntoView({ block: "nearest" });
  };

  // A fold says whether it is open.
  const folds = () => { for (const fold of document.querySelectorAll("button.label-wrap")) fold.setAttribute("aria-expanded", fold.classList.contains("open")); };
  document.addEventListener("click", () => setTimeout(folds, 100));

  const polite = () => {
    inherit();
    follow();
    for (const id of ["say", "outcome"]) {
      const el = document.getElementById(id);
      if (el && !el.hasAttribute("aria-live")) { el.setAttribute("role", "status"); el.setAttribute("aria-live", "polite"); }
    }
    for (const [id, name] of [["letter-left", "Letter A"], ["letter-right", "Letter B"]]) {
      const el = document.getElementById(id);
      if (!el) continue;
      if (!el.hasAttribute("aria-live")) {
        el.setAttribute("role", "region"); el.setAttribute("aria-label", name); el.setAttribute("aria-live", "polite");
      }
      const busy = el.querySelector(".paper.writing") ? "true" : "false";
      if (el.getAttribute("aria-busy") !== busy) el.setAttribute("aria-busy", busy);
    }
    if (document.querySelector("button.label-wrap:not([aria-expanded])")) folds();
    const box = document.querySelector("#keys-switch input[type=checkbox]");
    if (box && !box.dataset.read) { box.dataset.read = "1"; if (box.checked !== on()) box.click(); }
  };
  new MutationObserver(polite).observe(document.documentElement, { childList: true, subtree: true });
})();
