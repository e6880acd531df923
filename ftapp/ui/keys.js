/* Keys 1 to 4 choose, and screen readers hear a letter when it is whole. Nothing here knows what a letter says. */
(() => {
  const VERDICTS = { 1: "verdict-left", 2: "verdict-right", 3: "verdict-tie", 4: "verdict-both_bad" };
  const ON = "ftapp-keys";
  const typing = (el) => !!el && (el.isContentEditable || !!el.closest("input, textarea, select, [role=listbox], [role=combobox]"));
  const on = () => localStorage.getItem(ON) !== "off";

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target) || !on()) return;
    const id = VERDICTS[event.key];
    const found = id && document.getElementById(id);
    const button = found && (found.matches("button") ? found : found.querySelector("button"));
    if (button && !button.disabled && button.offsetParent !== null) { event.preventDefault(); button.click(); }
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
    setTimeout(() => {
      (go.matches("button") ? go : go.querySelector("button")).click();
      setTimeout(() => document.getElementById("editor")?.scrollIntoView({ block: "nearest" }), 400);
    }, 60);
  });

  const polite = () => {
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
    const box = document.querySelector("#keys-switch input[type=checkbox]");
    if (box && !box.dataset.read) { box.dataset.read = "1"; if (box.checked !== on()) box.click(); }
  };
  new MutationObserver(polite).observe(document.documentElement, { childList: true, subtree: true });
})();
