// Shows a glossary term's definition beside it: on hover, on keyboard focus, on the first tap.
// As WCAG 1.4.13 asks: Escape takes it away, the pointer may move onto it, and it stays until then.

const PATIENCE = 250; // milliseconds for the pointer's way from the term to its definition
const MARGIN = 8; // pixels between a definition and the window's edge

let shown = null; // the term whose definition is open
let farewell; // the timer that will close it

function tipOf(term) {
  return document.getElementById(term.getAttribute("aria-describedby"));
}

function place(term, tip) {
  const [box] = term.getClientRects(); // of a term that breaks over two lines, the first part
  const room = document.documentElement.clientWidth - tip.offsetWidth - MARGIN;
  const fitsBelow = box.bottom + tip.offsetHeight + MARGIN <= window.innerHeight;
  const fitsAbove = box.top >= tip.offsetHeight + MARGIN;
  const top = fitsBelow || !fitsAbove ? box.bottom + 4 : box.top - tip.offsetHeight - 4;
  tip.style.left = `${Math.max(MARGIN, Math.min(box.left, room)) + window.scrollX}px`;
  tip.style.top = `${top + window.scrollY}px`;
}

function hide() {
  clearTimeout(farewell);
  if (shown) {
    tipOf(shown).hidePopover();
    shown = null;
  }
}

function show(term) {
  clearTimeout(farewell);
  if (shown === term) {
    return;
  }
  hide();
  shown = term;
  tipOf(term).showPopover();
  place(term, tipOf(term));
}

function hideSoon(event) {
  if (event.pointerType === "touch") {
    return; // A finger always leaves; what it opened closes by a tap elsewhere.
  }
  clearTimeout(farewell);
  farewell = setTimeout(() => {
    if (shown && document.activeElement !== shown && !tipOf(shown).matches(":hover")) {
      hide();
    }
  }, PATIENCE);
}

function explain(term) {
  let tapExplains = false;
  term.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "touch") {
      show(term);
    }
  });
  term.addEventListener("pointerleave", hideSoon);
  term.addEventListener("focus", () => show(term));
  term.addEventListener("blur", hideSoon);
  // A first tap shows the definition, a second one follows the link. A tap also focuses the term
  // before it clicks, so which of the two it is must be known when the finger comes down.
  term.addEventListener("pointerdown", (event) => {
    tapExplains = event.pointerType === "touch" && shown !== term;
  });
  term.addEventListener("click", (event) => {
    if (tapExplains) {
      event.preventDefault();
      show(term);
    }
  });
  tipOf(term).addEventListener("pointerleave", hideSoon);
}

if ("popover" in HTMLElement.prototype) {
  document.querySelectorAll("a.course-term").forEach(explain);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".course-term, .course-tip")) {
      hide();
    }
  });
}
