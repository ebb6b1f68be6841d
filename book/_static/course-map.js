// Shows on the map what a page builds on, when the pointer or the focus is on it.

const map = document.querySelector(".course-map-drawing");
const pages = new Map(
  [...map.querySelectorAll(".course-map-page")].map((box) => [box.dataset.page, box]),
);

function needsOf(page) {
  return pages.get(page).dataset.needs.split(" ").filter(Boolean);
}

function allNeeds(page) {
  const needs = new Set([page]);
  for (const reached of needs) {
    needsOf(reached).forEach((need) => needs.add(need));
  }
  return needs;
}

function show(page) {
  const needs = allNeeds(page);
  map.classList.add("course-map-chosen");
  pages.forEach((box, name) => box.classList.toggle("course-map-needed", needs.has(name)));
  map.querySelectorAll(".course-map-line").forEach((line) => {
    const { from, to } = line.dataset;
    const leadsThere = to.split(" ").some((end) => needs.has(end) && needsOf(end).includes(from));
    line.classList.toggle("course-map-needed", leadsThere);
  });
}

function showNothing() {
  map.classList.remove("course-map-chosen");
  map.querySelectorAll(".course-map-needed").forEach((part) =>
    part.classList.remove("course-map-needed"),
  );
}

pages.forEach((box, page) => {
  box.addEventListener("pointerenter", () => show(page));
  box.addEventListener("pointerleave", showNothing);
  box.addEventListener("focus", () => show(page));
  box.addEventListener("blur", showNothing);
});
