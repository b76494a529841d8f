// What a page gains by a script: it renews itself, its drawings share a cursor, and a dragged stretch is zoomed into.
// Without it every page is whole.
"use strict";

// --- live: the part named #live is fetched again each few seconds, while it is looked at and nobody writes in it
function renew() {
  const live = document.getElementById("live");
  const every = live && Number(live.dataset.every);
  if (!every) return;
  setInterval(async () => {
    if (document.hidden || live.contains(document.activeElement) || live.querySelector("details[open]")) return;
    try {
      const answer = await fetch(location.href, { headers: { "x-live": "1" }, credentials: "same-origin" });
      if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (!found) return;
      live.replaceChildren(...found.childNodes);
      draw(live);
      document.body.classList.remove("stale");
      stale(false);
    } catch { stale(true); }
  }, every * 1000);
}

function stale(yes) {
  let told = document.getElementById("stale");
  if (yes && !told) {
    told = document.createElement("p");
    told.id = "stale";
    told.className = "late";
    told.setAttribute("role", "status");
    told.textContent = "The platform does not answer just now. What stands here is as it was; it goes on by itself.";
    document.getElementById("main").prepend(told);
  } else if (!yes && told) told.remove();
}

// --- drawings: one moment is found in each
const DRAWN = "svg.plot, svg.time";

function draw(root) {
  for (const svg of root.querySelectorAll(DRAWN)) {
    svg.addEventListener("pointermove", (event) => point(svg, event));
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("pointerdown", (event) => begin(svg, event));
  }
}

function fraction(svg, event) {
  const box = svg.getBoundingClientRect(), left = Number(svg.dataset.left), right = Number(svg.dataset.right);
  const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  return Math.min(1, Math.max(0, (x - left) / (right - left)));
}

const place = (svg, f) => Number(svg.dataset.left) + f * (Number(svg.dataset.right) - Number(svg.dataset.left));

function point(svg, event) {
  const f = fraction(svg, event);
  for (const each of document.querySelectorAll(DRAWN)) {
    const cursor = each.querySelector(".cursor"), x = place(each, f);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.style.visibility = "visible";
    tell(each, x, f);
  }
  if (chosen !== null) choose(f);
}

function tell(svg, x, f) {
  const at = svg.closest("figure") && svg.closest("figure").querySelector(".at");
  if (!at) return;
  const { since, until, low, high, top, floor, unit } = svg.dataset;
  const time = new Date(Number(since) + f * (until - since)).toISOString().slice(0, 16).replace("T", " ");
  let best = null;
  for (const line of svg.querySelectorAll(".serie")) for (const p of line.points)
    if (best === null || Math.abs(p.x - x) < Math.abs(best.x - x)) best = p;
  if (best === null || Math.abs(best.x - x) > 12) { at.textContent = time; return; }
  const value = Number(low) + (high - low) * (1 - (best.y - top) / (floor - top));
  at.textContent = `${time} · ${human(value, unit)}`;
}

function human(value, unit) {
  if (unit === "ratio") return `${(value * 100).toPrecision(3)} %`;
  if (unit === "celsius") return `${value.toPrecision(3)} °C`;
  const [step, names] = unit === "bytes" ? [1024, ["B", "KiB", "MiB", "GiB", "TiB"]]
    : unit === "bits_per_second" ? [1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]] : [0, []];
  if (!step) return `${Number(value.toPrecision(4)).toLocaleString()}${unit === "seconds" ? " s" : ""}`;
  let n = 0;
  while (Math.abs(value) >= step && n < names.length - 1) { value /= step; n += 1; }
  return `${value.toFixed(1)} ${names[n]}`;
}

function hide() {
  for (const each of document.querySelectorAll(".cursor")) each.style.visibility = "hidden";
  for (const each of document.querySelectorAll(".chart .at")) each.textContent = "";
}

// --- zoom: a stretch that is dragged over becomes the time of the page
let chosen = null;

function begin(svg, event) {
  if (event.button !== 0 || event.target.closest("a")) return;
  chosen = fraction(svg, event);
  event.preventDefault();
  const end = (up) => {
    window.removeEventListener("pointerup", end);
    const [from, to] = [chosen, fraction(svg, up)].sort((a, b) => a - b);
    chosen = null;
    for (const each of document.querySelectorAll(".choose")) each.style.visibility = "hidden";
    if (to - from < 0.02) return;
    const since = Number(svg.dataset.since), length = Number(svg.dataset.until) - since;
    const address = new URL(location.href);
    address.searchParams.set("since", new Date(since + from * length).toISOString().slice(0, 19) + "Z");
    address.searchParams.set("until", new Date(since + to * length).toISOString().slice(0, 19) + "Z");
    location.href = address.href;
  };
  window.addEventListener("pointerup", end);
}

function choose(f) {
  const [from, to] = [chosen, f].sort((a, b) => a - b);
  for (const each of document.querySelectorAll(".choose")) {
    const svg = each.closest("svg");
    each.setAttribute("x", place(svg, from));
    each.setAttribute("width", place(svg, to) - place(svg, from));
    each.style.visibility = "visible";
  }
}

draw(document);
renew();
