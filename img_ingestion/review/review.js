// Drawing regions with the mouse, and a key for each decision. The page works without it.
"use strict";

const field = document.getElementById("boxes");
const drawn = document.getElementById("drawn");

function boxes() {
  return field.value.split(";").map((one) => one.split(",").map(Number)).filter((one) => one.length === 4);
}

function draw(extra) {
  drawn.replaceChildren(...boxes().concat(extra ? [extra] : []).map(([left, top, right, bottom]) => {
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    Object.entries({ x: left, y: top, width: right - left, height: bottom - top })
      .forEach(([name, value]) => box.setAttribute(name, value));
    return box;
  }));
  document.querySelectorAll("input.boxes").forEach((one) => { one.value = field.value; });
  const device = document.getElementById("device");
  device.href = device.pathname + "?boxes=" + encodeURIComponent(field.value);
}

if (field && drawn) {
  let from = null;
  const at = (event) => {
    const place = drawn.getBoundingClientRect();
    const size = drawn.viewBox.baseVal;
    const clamp = (value, most) => Math.max(0, Math.min(most, Math.round(value)));
    return [clamp((event.clientX - place.left) / place.width * size.width, size.width),
      clamp((event.clientY - place.top) / place.height * size.height, size.height)];
  };
  const box = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]),
    Math.max(from[0], to[0]), Math.max(from[1], to[1])];
  drawn.addEventListener("pointerdown", (event) => { from = at(event); event.preventDefault(); });
  window.addEventListener("pointermove", (event) => { if (from) draw(box(at(event))); });
  window.addEventListener("pointerup", (event) => {
    if (!from) return;
    const made = box(at(event));
    from = null;
    if (made[0] < made[2] && made[1] < made[3]) {
      field.value = boxes().concat([made]).map((one) => one.join(",")).join("; ");
    }
    draw();
  });
  field.addEventListener("input", () => draw());
  draw();
}

const keys = { n: "next", p: "previous", t: "again", a: "accept", r: "reject", i: "inbox" };
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "b" && field) { field.focus(); event.preventDefault(); return; }
  const button = document.getElementById(keys[event.key] || "none");
  if (button) { button.focus(); button.click(); event.preventDefault(); }
});
