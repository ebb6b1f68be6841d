// A formula that is wider than the page scrolls; by keyboard too, if the keyboard can reach it.
const formulas = document.querySelectorAll("div.math");

function letKeyboardIn() {
  for (const formula of formulas) {
    formula.toggleAttribute("tabindex", formula.scrollWidth > formula.clientWidth);
    if (formula.hasAttribute("tabindex")) {
      formula.tabIndex = 0;
    }
  }
}

addEventListener("resize", letKeyboardIn);
// Widths are asked for when the page stands: asking earlier would lay it out once more.
addEventListener("load", () => document.fonts.ready.then(letKeyboardIn));
