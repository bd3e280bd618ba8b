"use strict";
// The live side of the page: readings as they come (server-sent events; asked for where a proxy holds those back), drawn by
// uPlot over the report's own marks. The page itself is replaced, part by part, when the server has rendered a new one.
(() => {
  const FIRST_MESSAGE_MS = 8000, SILENCE_MS = 15000, POLL_MS = 2000, LATE_S = 20, TAIL_S = 600, GAP_TIMES = 8, GAP_LEAST_S = 15;
  const byId = (id) => document.getElementById(id);
  let live = JSON.parse(byId("live").textContent);

  // --- drawing ---------------------------------------------------------------------------------------------------
  let charts = [], lanes = [], openMarks = [], openBands = [], mode = "whole", isOurs = false;

  // uPlot wants one time axis: no value is undefined, a gap in the readings is null.
  const columns = (series) => {
    const tables = series.map(({ t, v }) => {
      const steps = t.slice(1).map((end, i) => end - t[i]).sort((a, b) => a - b);
      const gap = Math.max(GAP_LEAST_S, GAP_TIMES * (steps[Math.floor(steps.length * .75)] || 0));
      const times = [], values = [];
      t.forEach((at, i) => {
        if (i && at - t[i - 1] > gap) { times.push(t[i - 1] + gap / 2); values.push(null); }
        times.push(at); values.push(v[i]);
      });
      return [times, values];
    });
    return uPlot.join(tables, tables.map(() => [0, 2]));
  };
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const startCharts = () => {
    charts.forEach((one) => one.plot.destroy());
    charts = [...document.querySelectorAll("[data-chart]")].map((row) => {
      const at = +row.dataset.chart, box = row.querySelector(".plot"), series = report.data.charts[at];
      const [from, to] = report.view();
      const plot = new uPlot({
        width: Math.max(box.clientWidth, 10), height: Math.max(box.clientHeight, 10), padding: [0, 0, 0, 0], pxAlign: 0,
        legend: { show: false }, cursor: { show: false }, axes: [{ show: false }, { show: false }],
        scales: { x: { time: false, auto: false, min: from, max: to }, y: { auto: false, range: [0, live.tops[at]] } },
        series: [{}, ...series.map((_, i) => ({
          stroke: () => ink(`--s${i + 1}`), width: live.limits[at][i] ? 1.2 : 1.6, dash: live.limits[at][i] ? [5, 4] : [], points: { show: false },
        }))],
      }, columns(series), box);
      return { at, box, plot, last: -1 };
    });
  };
  const redraw = () => charts.forEach(({ at, plot }) => plot.setData(columns(report.data.charts[at]), false));
  const look = ({ from, to }) => charts.forEach(({ plot }) => plot.setScale("x", { min: from, max: to }));

  const measure = ({ box, plot }) => plot.setSize({ width: Math.max(box.clientWidth, 10), height: Math.max(box.clientHeight, 10) });
  const sizes = new ResizeObserver(() => charts.forEach(measure));

  // What binds to a page that the server has just rendered.
  const start = () => {
    const end = report.data.span - .05;
    openMarks = live.open ? [...document.querySelectorAll(".flag.at")].filter((mark) => +mark.dataset.end >= end) : [];
    openBands = live.open ? [...document.querySelectorAll("rect.band")].filter((band) => +band.dataset.end >= end) : [];
    startLanes();
    startCharts();
    sizes.disconnect();
    sizes.observe(byId("tracks"));
    byId("tracks").addEventListener("pointerleave", () => setTimeout(newest, 0));
  };
  const startLanes = () => {
    lanes = [...document.querySelectorAll("[data-lane]")].map((row) => ({ svg: row.querySelector("svg"), open: null }));
    lanes.forEach((lane, number) => {
      const drawn = {};
      report.data.lanes[number].forEach(([from, to, state]) => { drawn[state] = (drawn[state] || "") + rect(from, to); });
      Object.entries(drawn).forEach(([state, path]) => pathOf(lane, live.states[state]).setAttribute("d", path));
    });
  };
  const pathOf = (lane, kind) => {
    const known = lane.svg.querySelector(`path.${kind}`);
    if (known) return known;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", "");
    lane.svg.append(path);
    return path;
  };
  const rect = (start, end) => {
    const width = Math.max(end - start, .01).toFixed(2);
    return `M${start.toFixed(2)} 0h${width}v10h-${width}z`;
  };
  const draw = (number, t, state, name) => {
    const lane = lanes[number], segments = report.data.lanes[number];
    if (!lane) return;
    const known = report.data.cases.indexOf(name), index = name === null ? -1 : known < 0 ? report.data.cases.push(name) - 1 : known;
    const before = segments[segments.length - 1];
    const start = before && t - before[1] < GAP_LEAST_S ? before[1] : t - 1;
    if (before && before[2] === state && before[3] === index && start === before[1]) before[1] = t;
    else segments.push([start, t, state, index]);
    const kind = live.states[state];
    if (!lane.open || lane.open.kind !== kind || start - lane.open.end > .5) {
      const path = pathOf(lane, kind);
      lane.open = { kind, path, base: path.getAttribute("d"), start };
    }
    lane.open.end = t;
    lane.open.path.setAttribute("d", lane.open.base + rect(lane.open.start, t));
  };

  const add = (tick) => {
    live.charts.forEach((names, chart) => names.forEach((name, i) => {
      const series = report.data.charts[chart][i];
      if (name in tick.v && !(tick.t <= series.t[series.t.length - 1])) { series.t.push(tick.t); series.v.push(tick.v[name]); }
    }));
    tick.lanes.forEach(([pid, state, name]) => draw(live.lanes.indexOf(pid), tick.t, state, name));
  };

  // The time axis grows: a view of the whole run, or of its end, grows with it.
  const grow = (end, phases) => {
    const strip = document.querySelector(".strip .phases:not(.generations)");
    let last = strip.lastElementChild;
    if (last && +last.dataset.end >= report.data.span - 3) last.dataset.end = end;
    phases.filter((phase) => !last || +last.dataset.start < phase.start - .01).forEach((phase) => {
      const mark = document.createElement("span");
      mark.className = `phase ${phase.phase} at`;
      mark.textContent = mark.title = phase.name;
      Object.assign(mark.dataset, { start: phase.start, end });
      if (last) last.dataset.end = Math.min(+last.dataset.end, phase.start);
      strip.append(mark);
      last = mark;
    });
    openMarks.forEach((mark) => { mark.dataset.end = end; });
    openBands.forEach((band) => { band.dataset.end = end; });
    report.data.span = Math.max(report.data.span, end);
    document.querySelectorAll('.toolbar .look[data-from="0"]').forEach((button) => { button.dataset.to = report.data.span; });
    view();
  };
  const view = () => {
    isOurs = true;
    const span = report.data.span;
    if (mode === "free") report.show(...report.view());
    else report.show(mode === "tail" ? Math.max(0, span - TAIL_S) : 0, span);
    isOurs = false;
  };
  const press = () => byId("tail").setAttribute("aria-pressed", String(mode === "tail"));
  // Away from the pointer, the legends show the newest reading.
  const newest = () => {
    if (report.isPointing()) return;
    report.read(report.data.span);
    byId("now").textContent = byId("now").textContent.split(" · ")[0];  // the strip beside it names the phase
  };

  // --- state -----------------------------------------------------------------------------------------------------
  let state = "live", heard = performance.now(), age = 0, isLost = false, isPolling = false;
  const forHumans = (s) => {
    const [unit, size] = s < 90 ? ["seconds", 1] : s < 5400 ? ["minutes", 60] : s < 172800 ? ["hours", 3600] : ["days", 86400];
    return live.words[unit].replace("{n}", Math.round(s / size));
  };
  const say = () => {
    const place = byId("live-state");
    if (!place || !live.words) return;
    const old = age + (performance.now() - heard) / 1000;
    const isSilent = state === "silent" || state === "live" && old > 8;
    const now = isLost ? "lost" : !isSilent ? state : old < LATE_S ? "late" : "silent";
    const words = now === "live" && isPolling ? live.words.polling : live.words[now] || "";
    // A screen reader hears a change of state, not each second of it.
    place.setAttribute("aria-live", place.dataset.now === now ? "off" : "polite");
    if (place.dataset.now !== now) {
      place.dataset.now = now;
      place.className = `state ${now}`;
    }
    const text = live.kind === "overview" && now !== "lost" ? "" : words.replace("{age}", isSilent ? forHumans(old) : "");
    if (place.textContent !== text) place.textContent = text;
  };

  // --- the page --------------------------------------------------------------------------------------------------
  let isLoading = false, pointer = null;
  const load = async () => {
    if (isLoading) return;
    isLoading = true;
    try {
      const answer = await fetch("./", { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = JSON.parse(fresh.getElementById("live").textContent);
      if (next.kind !== live.kind || live.kind === "message") { location.reload(); return; }
      if (next.kind === "overview") { swap(fresh, ["main"]); return; }
      if (next.page === live.page) return;
      const opened = [...document.querySelectorAll("details")].map((one) => one.open);
      const y = scrollY, pointed = report.isPointing() && pointer, held = report.view(), focus = document.activeElement && document.activeElement.closest("[id]");
      report.end();
      live = next;
      byId("data").textContent = fresh.getElementById("data").textContent;
      document.title = fresh.title;
      swap(fresh, ["header.top", "nav.toc", "main"]);
      const now = [...document.querySelectorAll("details")];
      if (now.length === opened.length) now.forEach((one, i) => { one.open = opened[i]; });
      isOurs = true;  // a new page shows the whole run at first
      window.report = startReport();
      isOurs = false;
      start();
      if (mode === "free") report.show(...held); else view();
      scrollTo(0, y);
      if (pointed) byId("tracks").dispatchEvent(new PointerEvent("pointermove", { clientX: pointed.clientX, clientY: pointed.clientY, bubbles: true }));
      if (focus && byId(focus.id) && focus.id !== "") byId(focus.id).focus({ preventScroll: true });
      newest();
    } catch { /* the connection has its own watch */ } finally { isLoading = false; }
  };
  const swap = (fresh, parts) => parts.forEach((part) => {
    const here = document.querySelector(part), there = fresh.querySelector(part);
    if (here && there && here.innerHTML !== there.innerHTML) { here.innerHTML = there.innerHTML; here.className = there.className; }
  });

  const hear = (message) => {
    heard = performance.now();
    isLost = false;
    state = message.state;
    age = message.age;
    if (live.kind === "report" && message.ticks && message.ticks.length && message.page === live.page) {
      message.ticks.forEach(add);
      live.end = Math.max(live.end, message.ticks[message.ticks.length - 1].t);
      grow(live.end, message.phases);
      redraw();
      newest();
    }
    say();
    if (message.page && message.page !== live.page) load();
  };

  // --- the connection --------------------------------------------------------------------------------------------
  let source = null, timer = null;
  const known = () => `since=${live.end || 0}&page=${live.page}`;
  const connect = () => {
    if (source) source.close();
    clearTimeout(timer);
    isPolling = false;
    const opened = performance.now();
    let got = false;
    source = new EventSource(`live?${known()}`);
    source.onmessage = (event) => { got = true; hear(JSON.parse(event.data)); };
    // The browser would repeat the address with an old time; ask with what we have by now.
    source.onerror = () => { source.close(); isLost = true; say(); timer = setTimeout(connect, got ? 1000 : 3000); };
    timer = setTimeout(() => { if (!got && performance.now() - opened >= FIRST_MESSAGE_MS - 100) poll(); }, FIRST_MESSAGE_MS);
  };
  const poll = async () => {
    if (source) { source.close(); source = null; }
    clearTimeout(timer);
    isPolling = true;
    try {
      const answer = await fetch(`poll?${known()}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      hear(await answer.json());
    } catch { isLost = true; say(); }
    timer = setTimeout(poll, POLL_MS);
  };
  // A laptop that slept has dead connections and no event about them.
  const awake = () => { if (document.visibilityState === "visible" && performance.now() - heard > 6000 && !isPolling) connect(); };

  if (live.kind === "report") {
    document.addEventListener("report:view", (event) => {
      if (!isOurs) {
        const { from, to } = event.detail;
        mode = from <= 0 && to >= report.data.span - .01 ? "whole" : "free";
        press();
      }
      look(event.detail);
    });
    document.addEventListener("pointermove", (event) => { pointer = event; });
    byId("tail").addEventListener("click", () => { mode = mode === "tail" ? "whole" : "tail"; press(); view(); });
    start();
    newest();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(({ plot }) => plot.redraw(false)));
  }
  if (live.kind === "overview") {
    setInterval(() => { if (document.visibilityState === "visible") load().then(() => {}); }, 5000);
    window.addEventListener("focus", () => load());
  } else {
    connect();
    setInterval(() => {
      say();
      if (!isPolling && performance.now() - heard > SILENCE_MS && document.visibilityState === "visible") { isLost = true; say(); connect(); heard = performance.now() - 6000; }
    }, 1000);
    document.addEventListener("visibilitychange", awake);
    window.addEventListener("online", connect);
    window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  }
})();
