"use strict";
// Sorting, filtering, the unit of compute, definitions and downloads. Without it the page is whole and still readable.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

const valueOf = (row, column) => {
  const cell = row.cells[column];
  if (!cell) return null;
  return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent.trim();
};

const compare = (one, other) => {
  const empty = (value) => value === null || value === "";
  if (empty(one) || empty(other)) return empty(one) - empty(other);
  const kinds = (typeof one === "number") - (typeof other === "number");
  if (kinds) return -kinds;
  return typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
};

function sortBy(table, header) {
  const column = [...header.parentNode.cells].indexOf(header);
  const down = header.getAttribute("aria-sort") === "ascending";
  all("th[aria-sort]", table.tHead).forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const bodies = [...table.tBodies];
  const groups = bodies.length > 1 ? bodies : [...bodies[0].rows];
  const place = bodies.length > 1 ? table : bodies[0];
  const key = (group) => valueOf(bodies.length > 1 ? group.rows[0] : group, column);
  const order = groups.map((group, index) => ({ group, index, key: key(group) }));
  order.sort((one, other) => {
    const missing = [one, other].map((entry) => entry.key === null || entry.key === "");
    const found = compare(one.key, other.key);
    if (missing[0] !== missing[1]) return found;
    return (down ? -found : found) || one.index - other.index;
  });
  order.forEach((entry) => place.append(entry.group));
}

all("table.sortable").forEach((table) => {
  all("thead th", table).forEach((header) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(table, header));
    header.append(button);
  });
  all(".term", table).forEach((term) => {
    term.removeAttribute("tabindex");
    term.removeAttribute("role");
    term.removeAttribute("aria-label");
    term.closest("button").dataset.says = term.dataset.says;
    term.closest("button").setAttribute("aria-description", term.dataset.says);
  });
  addSave(table);
});

// Definitions: shown while the pointer or the focus is on a term, or after a tap.
const says = document.getElementById("says");
function explain(term) {
  if (!says || !term) return;
  says.textContent = term.dataset.says;
  says.hidden = false;
  const box = term.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left), Math.max(8, document.documentElement.clientWidth - says.offsetWidth - 8));
  says.style.left = `${left + window.scrollX}px`;
  says.style.top = `${box.bottom + window.scrollY + 6}px`;
}
const termOf = (event) => event.target.closest && event.target.closest("[data-says]");
["mouseover", "focusin"].forEach((kind) =>
  document.addEventListener(kind, (event) => {
    if (termOf(event)) explain(termOf(event));
  })
);
["mouseout", "focusout"].forEach((kind) =>
  document.addEventListener(kind, (event) => {
    if (says && termOf(event)) says.hidden = true;
  })
);
document.addEventListener("keydown", (event) => {
  if (says && event.key === "Escape") says.hidden = true;
});

// The unit of compute, what arms are matched by, and families.
function choose() {
  const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;
  const matched = chosen("matched");
  const unit = chosen("unit");
  all("[data-matched]").forEach((part) => (part.hidden = part.dataset.matched !== matched));
  all("[data-unit]").forEach((part) => (part.hidden = part.dataset.unit !== unit));
  const families = new Set(all("input[name=family]:checked").map((box) => box.value));
  if (all("input[name=family]").length)
    all("[data-family]").forEach((part) => (part.hidden = !families.has(part.dataset.family)));
}
all("form.chooser").forEach((form) => {
  form.hidden = false;
  form.addEventListener("change", (event) => {
    if (event.target.name === "matched" && event.target.value !== "plan") {
      const same = document.querySelector(`input[name=unit][value=${event.target.value}]`);
      if (same) same.checked = true;
    }
    choose();
  });
});
if (document.querySelector("form.chooser")) choose();
window.addEventListener("beforeprint", () => all("details").forEach((part) => (part.open = part.open || !part.matches(".item, .arm"))));

// Downloads, made from the page itself, so that they work from disk and e-mail.
function save(name, kind, data) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type: kind }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const quoted = (text) => {
  const safe = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
function asCsv(table) {
  return all("tr", table)
    .map((row) => [...row.cells].map((cell) => quoted(cell.dataset.v ?? cell.textContent.trim().replace(/\s+/g, " "))).join(","))
    .join("\n") + "\n";
}
function saveButton(text, label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = text;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", act);
  return button;
}
function addSave(table) {
  const name = table.dataset.name;
  const bar = document.createElement("p");
  bar.className = "save";
  bar.append(saveButton("CSV", `${name} as CSV`, () => save(`${name}.csv`, "text/csv", asCsv(table))));
  table.closest(".scroll").after(bar);
}
function drawn(figure) {
  const svg = figure.querySelector("svg").cloneNode(true);
  const box = svg.viewBox.baseVal;
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("width", box.width);
  svg.setAttribute("height", box.height);
  const style = getComputedStyle(document.documentElement);
  let text = new XMLSerializer().serializeToString(svg);
  text = text.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim().replaceAll('"', "'"));
  const paper = style.getPropertyValue("--card").trim();
  return text.replace(/<svg[^>]*>/, (tag) => `${tag}<rect width="100%" height="100%" fill="${paper}"/>`);
}
function asPng(figure, done) {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([drawn(figure)], { type: "image/svg+xml" }));
  image.addEventListener("load", () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * image.width;
    canvas.height = 2 * image.height;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(url);
    canvas.toBlob(done, "image/png");
  });
  image.src = url;
}
all("p.save[data-figure]").forEach((bar) => {
  const figure = bar.closest("figure");
  const name = bar.dataset.figure;
  const csv = figure.querySelector("script").textContent;
  bar.append(
    saveButton("SVG", `${name} as SVG`, () => save(`${name}.svg`, "image/svg+xml", drawn(figure))),
    saveButton("PNG", `${name} as PNG`, () => asPng(figure, (blob) => save(`${name}.png`, "image/png", blob))),
    saveButton("CSV", `${name}, its data as CSV`, () => save(`${name}.csv`, "text/csv", csv))
  );
});
