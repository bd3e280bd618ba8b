"use strict";
// Make the page work as it stands now. A live page replaces parts of itself: it ends this, and starts it again.
const startReport = () => {
  const ending = new AbortController(), signal = ending.signal;
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const tracks = document.getElementById("tracks");
  const cursor = document.getElementById("cursor");
  const drag = document.getElementById("drag");
  const now = document.getElementById("now");
  const axis = document.getElementById("axis");
  const strip = tracks.querySelector(".strip");
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400];
  let from = 0, to = data.span;

  const clock = (s) => {
    const whole = Math.max(0, Math.round(s));
    const two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(whole / 3600)}:${two(Math.floor(whole % 3600 / 60))}:${two(whole % 60)}`;
  };
  // A moment by both clocks.
  const wall = (s) => data.began === null ? "" : clock((data.began + s) % 86400).padStart(8, "0");
  const number = (v) => Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : String(+v.toPrecision(3));

  // The reading nearest to a time, or none if the nearest is too far away.
  const nearest = (times, t, reach) => {
    let low = 0, high = times.length - 1;
    if (high < 0) return -1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < t) low = middle + 1; else high = middle;
    }
    if (low > 0 && t - times[low - 1] < times[low] - t) low -= 1;
    return Math.abs(times[low] - t) <= reach ? low : -1;
  };
  const shown = (series, at) => {
    const value = series.v[at];
    const shown = number(value);
    return series.scale ? `${shown} % · ${number(value * series.scale)} ${series.unit}` : shown;
  };

  const show = (start, end) => {
    const least = Math.min(2, data.span);
    if (end - start < least) { const middle = (start + end) / 2; start = middle - least / 2; end = start + least; }
    if (start < 0) { end -= start; start = 0; }
    if (end > data.span) { start -= end - data.span; end = data.span; }
    from = Math.max(0, start); to = Math.min(data.span, end);
    const width = to - from;
    tracks.querySelectorAll("svg.view").forEach((svg) => {
      const height = svg.viewBox.baseVal.height;
      svg.setAttribute("viewBox", `${from} 0 ${width} ${height}`);
    });
    // A short episode stays visible in a long run.
    const thinnest = 4 * width / Math.max(strip.clientWidth, 1);
    tracks.querySelectorAll("rect.band").forEach((band) => {
      band.setAttribute("width", Math.max(+band.dataset.end - +band.dataset.start, thinnest));
    });
    tracks.querySelectorAll(".at").forEach((mark) => {
      const left = Math.max(+mark.dataset.start, from), right = Math.min(+mark.dataset.end, to);
      mark.style.display = right >= left ? "" : "none";
      mark.style.left = `${100 * (left - from) / width}%`;
      mark.style.width = `${100 * (right - left) / width}%`;
    });
    // A name that does not fit is not cut: the pointer shows it.
    strip.querySelectorAll(".phase").forEach((phase) => {
      phase.classList.remove("narrow");
      phase.classList.toggle("narrow", phase.scrollWidth > phase.clientWidth + 1);
    });
    const room = Math.max(2, Math.floor(strip.clientWidth / 110));
    const step = STEPS.find((one) => width / one <= room) || 86400;
    axis.textContent = "";
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const label = document.createElement("span");
      label.textContent = clock(t);
      if (data.began !== null) label.append(Object.assign(document.createElement("small"), { textContent: wall(t) }));
      label.style.left = `${100 * (t - from) / width}%`;
      // A label at an edge would stand over what is beside the axis.
      if (t - from > 0.04 * width) label.style.transform = t - from > 0.96 * width ? "translateX(-100%)" : "translateX(-50%)";
      axis.append(label);
    }
    document.querySelectorAll(".toolbar .look").forEach((button) => {
      const same = Math.abs(+button.dataset.from - from) < .01 && Math.abs(+button.dataset.to - to) < .01;
      button.setAttribute("aria-pressed", String(same));
    });
    document.dispatchEvent(new CustomEvent("report:view", { detail: { from, to } }));
  };

  const plotBox = () => {
    const box = strip.getBoundingClientRect(), outer = tracks.getBoundingClientRect();
    return { left: box.left, width: box.width, offset: box.left - outer.left };
  };
  const timeAt = (x, box) => from + (to - from) * Math.min(1, Math.max(0, (x - box.left) / box.width));

  const read = (t) => {
    const reach = Math.max(3, (to - from) / 60);
    const phase = t === null ? null : [...strip.querySelectorAll(".phase:not(.generation)")].find((one) => +one.dataset.start <= t && t <= +one.dataset.end);
    now.textContent = t === null ? "" : clock(t) + (data.began === null ? "" : ` (${wall(t)})`) + (phase ? ` · ${phase.textContent}` : "");
    tracks.querySelectorAll("[data-chart]").forEach((row) => {
      const outputs = row.querySelectorAll("output");
      data.charts[+row.dataset.chart].forEach((series, i) => {
        const at = t === null ? -1 : nearest(series.t, t, reach);
        outputs[i].textContent = at < 0 ? "" : shown(series, at);
      });
    });
    tracks.querySelectorAll("[data-lane]").forEach((row) => {
      const segment = t === null ? null : data.lanes[+row.dataset.lane].find((one) => one[0] <= t && t <= one[1]);
      const words = segment ? data.states[segment[2]] + (segment[3] >= 0 ? ` · ${data.cases[segment[3]]}` : "") : "";
      row.querySelector("output").textContent = words;
      row.querySelector(".plot").title = words;
    });
  };

  // Two fingers: pinch to look closer. One finger scrolls the page, or the run if a part of it is shown.
  const fingers = new Map();
  let held = null;
  const zoom = (factor, middle) => show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  const move = (share) => show(from + share * (to - from), to + share * (to - from));
  const pinch = () => {
    const box = plotBox(), xs = [...fingers.values()];
    const apart = Math.max(24, Math.abs(xs[0] - xs[1])), middle = (xs[0] + xs[1]) / 2;
    if (held === null) { held = { apart, t: timeAt(middle, box), width: to - from }; return; }
    const width = Math.min(data.span, held.width * held.apart / apart);
    const start = held.t - width * (middle - box.left) / box.width;
    show(start, start + width);
  };

  let pressed = null;
  const point = (event) => {
    if (fingers.has(event.pointerId)) {
      const before = fingers.get(event.pointerId);
      fingers.set(event.pointerId, event.clientX);
      if (fingers.size === 2) { pinch(); return; }
      if (to - from < data.span) move((before - event.clientX) / plotBox().width);
    }
    const box = plotBox();
    const inside = event.clientX >= box.left - 4 && event.clientX <= box.left + box.width + 4;
    if (!inside && pressed === null) { leave(); return; }
    const t = timeAt(event.clientX, box);
    cursor.style.visibility = "visible";
    cursor.style.left = `${box.offset + box.width * (t - from) / (to - from)}px`;
    read(t);
    if (pressed !== null) {
      const left = Math.min(pressed, t), right = Math.max(pressed, t);
      drag.style.visibility = "visible";
      drag.style.left = `${box.offset + box.width * (left - from) / (to - from)}px`;
      drag.style.width = `${box.width * (right - left) / (to - from)}px`;
    }
  };
  const leave = () => { cursor.style.visibility = "hidden"; read(null); };
  tracks.addEventListener("pointermove", point);
  tracks.addEventListener("pointerleave", leave);
  tracks.addEventListener("pointerdown", (event) => {
    const box = plotBox();
    if (event.clientX < box.left || event.clientX > box.left + box.width) return;
    if (event.pointerType === "mouse" && event.button === 0) {
      pressed = timeAt(event.clientX, box);
      event.preventDefault();
    }
    if (event.pointerType === "touch") { fingers.set(event.pointerId, event.clientX); held = null; }
    point(event);
  });
  const lift = (event) => { fingers.delete(event.pointerId); held = null; };
  window.addEventListener("pointercancel", lift, { signal });
  window.addEventListener("pointerup", (event) => {
    lift(event);
    if (pressed === null) return;
    const t = timeAt(event.clientX, plotBox());
    const wide = Math.abs(t - pressed) > (to - from) / 80;
    if (wide) show(Math.min(pressed, t), Math.max(pressed, t));
    pressed = null;
    drag.style.visibility = "hidden";
  }, { signal });
  tracks.addEventListener("dblclick", () => show(0, data.span));
  const KEYS = {
    "+": () => zoom(0.5, (from + to) / 2), "=": () => zoom(0.5, (from + to) / 2), "-": () => zoom(2, (from + to) / 2),
    "\u2212": () => zoom(2, (from + to) / 2), ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25),
    Home: () => show(0, to - from), End: () => show(data.span - (to - from), data.span), 0: () => show(0, data.span),
  };
  const MOVES = { left: "ArrowLeft", right: "ArrowRight", in: "+", out: "-" };
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") show(0, data.span); }, { signal });
  tracks.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (act) { act(); event.preventDefault(); }
  });
  document.querySelectorAll("[data-move]").forEach((button) => {
    button.addEventListener("click", () => KEYS[MOVES[button.dataset.move]](), { signal });
  });

  document.querySelectorAll(".look").forEach((button) => button.addEventListener("click", () => {
    show(+button.dataset.from, +button.dataset.to);
    if (!button.closest(".toolbar")) document.getElementById("timeline").scrollIntoView({ behavior: "smooth" });
  }));

  document.querySelectorAll("[data-epochs]").forEach((figure) => {
    const plot = figure.querySelector(".plot"), line = figure.querySelector(".cursor");
    const outputs = figure.querySelectorAll("output");
    const all = data.epochs[+figure.dataset.epochs];
    const { x: first, width } = plot.querySelector("svg").viewBox.baseVal;
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const at = nearest(all[0].t, first + width * (event.clientX - box.left) / box.width, width);
      line.style.visibility = "visible";
      line.style.left = `${100 * (all[0].t[at] - first) / width}%`;
      all.forEach((series, i) => { outputs[i].textContent = `${all[0].t[at]}: ${number(series.v[at] ?? NaN)}`; });
    });
    plot.addEventListener("pointerleave", () => {
      line.style.visibility = "hidden";
      outputs.forEach((output) => { output.textContent = ""; });
    });
  });

  // Without permission for the clipboard (a file opened from disk in some browsers) the text is selected instead.
  const copy = async (button) => {
    const code = button.parentElement.querySelector("code");
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = data.copied;
    setTimeout(() => { button.textContent = before; }, 1500);
  };
  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));

  // Paper shows what a click would.
  window.addEventListener("beforeprint", () => {
    show(0, data.span);
    document.querySelectorAll("details:not(.stack, .more, .long)").forEach((one) => { one.open = true; });
  }, { signal });
  window.addEventListener("resize", () => show(from, to), { signal });
  show(0, data.span);
  return { data, end: () => ending.abort(), show, read, view: () => [from, to], isPointing: () => cursor.style.visibility === "visible" };
};
window.report = startReport();
