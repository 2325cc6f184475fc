// The browser of problems. Everything a model wrote reaches the page through text nodes only; the address's hash is the
// whole state (#problem=ID&format=pot&outcome=wrong&split=known&topic=gcd&text=apples), so every view can be linked to.
"use strict";

const DEFAULTS = { problem: "", format: "", outcome: "wrong", split: "", topic: "", text: "" };
const FILTERS = ["text", "format", "outcome", "split", "topic"];
const GLYPHS = { correct: "✓", incorrect: "✗", no_answer: "–", undecided: "?", missing: "·", ungraded: "·" };
const PAGE = 150;
const WIDE = matchMedia("(min-width: 821px)");

const $ = (id) => document.getElementById(id);
const formats = [...$("format").options].slice(1).map((option) => option.value);
const styles = Object.fromEntries([...document.querySelectorAll(".tile")].map((tile, i) => [formats[i], tile.className.split(" ")[1]]));
let problems = [];
let shown = [];
let limit = PAGE;

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {})) if (value != null && value !== false) node.setAttribute(key, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

function readState() {
  const state = { ...DEFAULTS };
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) if (key in state) state[key] = value;
  return state;
}

function hashOf(state) {
  const kept = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  return "#" + (new URLSearchParams(kept).toString() || "problems");
}

async function unpack() {
  const bytes = Uint8Array.from(atob($("rows").textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const rows = await new Response(stream).json();
  for (const row of rows) {
    row.solutions ??= [];
    row.metadata ??= {};
    row.found = [row.id, row.text, row.answer, ...row.solutions.map((solution) => solution.answer)].join("\n").toLowerCase();
  }
  return rows;
}

// ---- which problems ----

const outcomeOf = (solution) => solution.outcome ?? "ungraded";

function matches(row, state) {
  if (state.split && String(row.metadata.split) !== state.split) return false;
  if (state.topic && String(row.metadata.topic) !== state.topic) return false;
  if (state.text && !row.found.includes(state.text.toLowerCase())) return false;
  const outcomes = row.solutions.filter((one) => !state.format || one.format === state.format).map(outcomeOf);
  switch (state.outcome) {
    case "all": return !state.format || outcomes.length > 0;
    case "wrong": return outcomes.some((outcome) => outcome !== "correct");
    case "differ": return new Set(row.solutions.map((one) => outcomeOf(one) === "correct")).size > 1;
    default: return outcomes.includes(state.outcome);
  }
}

function cell(row, format) {
  const outcomes = row.solutions.filter((one) => one.format === format).map(outcomeOf);
  const correct = outcomes.filter((outcome) => outcome === "correct").length;
  const kinds = [...new Set(outcomes)];
  const kind = kinds.length > 1 ? (correct ? "mixed" : "incorrect") : kinds[0] ?? "missing";
  const label = outcomes.length > 1 ? `${correct}/${outcomes.length}` : GLYPHS[kind];
  const words = outcomes.length > 1 ? `${correct} of ${outcomes.length} correct` : kind.replace("_", " ");
  return make("span", { class: kind, title: `${format}: ${words}`, role: "img", "aria-label": `${format}: ${words}` }, label);
}

function drawList(state) {
  shown = problems.filter((row) => matches(row, state));
  const place = shown.findIndex((row) => row.id === state.problem);
  limit = Math.max(limit, Math.ceil((place + 1) / PAGE) * PAGE);
  $("count").textContent = `${shown.length.toLocaleString("en")} of ${problems.length.toLocaleString("en")} problems`;
  $("heads").replaceChildren(...formats.map((format) => make("span", { title: format }, format)));
  const items = shown.slice(0, limit).map((row) =>
    make("li", {}, make("a", { class: "row", href: hashOf({ ...state, problem: row.id }), "data-id": row.id },
      make("span", { class: "what" }, make("span", {}, row.text.slice(0, 160).replace(/\s+/g, " ")), make("small", {}, row.id)),
      make("span", { class: "cells" }, ...formats.map((format) => cell(row, format))))));
  if (shown.length > limit) {
    const more = make("button", { class: "more", type: "button" }, `Show ${Math.min(PAGE, shown.length - limit)} more`);
    more.addEventListener("click", () => {
      limit += PAGE;
      drawList(readState());
      markCurrent(readState());
      $("list").querySelectorAll(".row")[limit - PAGE]?.focus();
    });
    items.push(make("li", {}, more));
  }
  if (shown.length === 0) items.push(make("li", { class: "empty" }, "No problem answers to these filters."));
  $("list").replaceChildren(...items);
}

// ---- mathematics ----

// Text between $...$ may be money: it is mathematics only if it looks like it.
const MATHS = /\$\$([^]+?)\$\$|\\\[([^]+?)\\\]|\\\(([^]+?)\\\)|\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)|(\\begin\{([a-z]+\*?)\}[^]+?\\end\{\6\})|(\\boxed\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})/g;
const LOOKS_LIKE = /[\\^_{}=<>+*/|]|^-?[A-Za-z](?:\([A-Za-z]\))?$|^-?[\d.,]+$/;
const RULES = { throwOnError: true, trust: false, strict: "ignore", maxExpand: 200, maxSize: 25 };

function typeset(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(MATHS)) {
    const [whole, dollars, brackets, parentheses, dollar, environment, , boxed] = match;
    const source = dollars ?? brackets ?? parentheses ?? dollar ?? environment ?? boxed;
    if (source.length > 2000 || (dollar !== undefined && !LOOKS_LIKE.test(source))) continue;
    const place = make("span", { class: "maths", title: whole });
    try {
      katex.render(source, place, { ...RULES, displayMode: Boolean(dollars ?? brackets ?? environment) });
    } catch {
      continue; // not mathematics after all: it stays as it was written
    }
    nodes.push(text.slice(end, match.index), place);
    end = match.index + whole.length;
  }
  return [...nodes, text.slice(end)];
}

// ---- one problem ----

const PYTHON = new RegExp([
  String.raw`(?<h>#[^\n]*)`,
  String.raw`(?<s>(?:\b[rbfuRBFU]{1,2})?(?:"""[^]*?(?:"""|$)|'{3}[^]*?(?:'{3}|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))`,
  String.raw`(?<d>\b(?:0[xob][\da-fA-F_]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?j?)\b)`,
  String.raw`(?<k>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False)\b)`,
  String.raw`(?<b>\b[A-Za-z_]\w*(?=\())`,
].join("|"), "g");

function highlight(source) {
  const nodes = [];
  let end = 0;
  for (const match of source.matchAll(PYTHON)) {
    const kind = Object.keys(match.groups).find((group) => match.groups[group] !== undefined);
    nodes.push(source.slice(end, match.index), make("span", { class: kind }, match[0]));
    end = match.index + match[0].length;
  }
  return [...nodes, source.slice(end)];
}

const spent = (seconds) => (seconds ? ` · ${seconds < 0.1 ? seconds.toFixed(3) : seconds.toFixed(2)} s` : "");

function drawBlock([type, text, status, seconds]) {
  if (type === "text") return make("div", { class: "prose" }, ...typeset(text.replace(/^\n+|\s+$/g, "")));
  if (type === "thought") {
    const words = text.trim();
    return make("details", { class: "thought" }, make("summary", {}, `Thoughts (${words.split(/\s+/).length.toLocaleString("en")} words)`), make("div", { class: "prose" }, ...typeset(words)));
  }
  if (type === "code") return make("pre", { class: "code", tabindex: "0" }, make("code", {}, ...highlight(text.replace(/\s+$/, ""))));
  const tag = make("span", { class: "tag" }, `output${status === "ok" ? "" : ` · ${status.replace("_", " ")}`}${spent(seconds)}`);
  return make("pre", { class: status === "ok" ? "output" : "output fails", tabindex: "0" }, tag, text.replace(/\s+$/, "") || "(nothing printed)");
}

function drawBody(solution) {
  const verdict = [solution.method, solution.reason].filter(Boolean).join(": ");
  const foot = [
    solution.tokens && `${solution.tokens.toLocaleString("en")} tokens${solution.thought_tokens ? `, ${solution.thought_tokens.toLocaleString("en")} of them thoughts` : ""}`,
    solution.seconds && `${solution.seconds.toFixed(2)} s`,
    solution.finish !== "stop" && `ended: ${solution.finish}`,
    solution.value != null && `value ${solution.value.toPrecision(3)}`,
    solution.model,
  ].filter(Boolean).join(" · ");
  return [
    verdict ? make("p", { class: "why" }, verdict) : null,
    ...(solution.previous_attempts ?? []).map((one) => make("details", { class: "earlier" },
      make("summary", {}, `Earlier attempt: ${one.format}, ${one.answer == null ? "no answer" : `answer ${one.answer}`}`), ...drawBody(one))),
    ...(solution.blocks ?? []).map(drawBlock),
    foot ? make("p", { class: "foot" }, foot) : null,
  ];
}

function drawTry(format, samples) {
  const badge = make("span", { class: "badge" });
  const answer = make("span", { class: "answer" });
  const body = make("div", { class: "body" });
  const pick = make("div", { class: "samples", role: "group", "aria-label": "Samples" });
  const choose = (chosen) => {
    const outcome = outcomeOf(chosen);
    badge.className = `badge ${outcome}`;
    badge.textContent = `${GLYPHS[outcome]} ${outcome.replace("_", " ")}`;
    answer.replaceChildren(...(chosen.answer == null ? [] : ["answer ", make("b", {}, chosen.answer)]));
    body.replaceChildren(...(samples.length > 1 ? [pick] : []), ...drawBody(chosen).filter(Boolean));
    [...pick.children].forEach((button, i) => button.setAttribute("aria-pressed", samples[i] === chosen));
  };
  samples.forEach((sample, i) => {
    const outcome = outcomeOf(sample);
    const button = make("button", { type: "button", class: outcome, "aria-label": `sample ${i + 1}: ${outcome.replace("_", " ")}` }, `${i + 1} ${GLYPHS[outcome]}`);
    button.addEventListener("click", () => { choose(sample); button.focus(); });
    pick.append(button);
  });
  choose(samples[0]);
  return make("details", { class: `try ${styles[format] ?? "f5"}`, open: "" }, make("summary", {}, make("b", {}, format), badge, answer), body);
}

function drawDetail(row, state) {
  const back = make("a", { class: "back", href: hashOf({ ...state, problem: "" }) }, "← all problems");
  if (!row) {
    const words = state.problem ? `There is no problem ${state.problem} in this run.` : "Choose a problem to see how it was solved.";
    $("detail").replaceChildren(back, make("p", { class: "empty" }, words));
    return;
  }
  const gold = [row.answer].flat().filter((one) => one != null);
  const facts = Object.entries(row.metadata).slice(0, 8).map(([key, value]) => make("span", {}, `${key} `, make("b", {}, String(value))));
  $("detail").replaceChildren(
    back,
    make("p", { class: "where" }, row.id),
    make("p", { class: "question" }, ...typeset(row.text)),
    make("p", { class: "facts" }, make("span", {}, "expected ", make("b", {}, gold.length ? gold.join("  or  ") : "unknown")), ...facts),
    row.rationale ? make("details", {}, make("summary", {}, "Reference solution"), make("div", { class: "prose" }, ...typeset(row.rationale))) : "",
    ...formats.map((format) => [format, row.solutions.filter((one) => one.format === format)])
      .filter(([, samples]) => samples.length).map(([format, samples]) => drawTry(format, samples)),
  );
  $("detail").scrollTop = 0;
}

function markCurrent(state) {
  for (const link of $("list").querySelectorAll(".row")) {
    if (link.dataset.id !== state.problem) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "true");
    const list = $("list"), top = link.offsetTop - list.offsetTop, end = top + link.offsetHeight - list.clientHeight;
    if (list.scrollTop > top || list.scrollTop < end) list.scrollTop = top - list.clientHeight / 3;
  }
}

// ---- the whole ----

let listed = null;
let opened = false;

function draw() {
  const state = readState();
  const wide = WIDE.matches;
  const filters = FILTERS.map((key) => state[key]).join("\n");
  if (filters !== listed) {
    limit = PAGE;
    for (const key of FILTERS) if ($(key).value !== state[key]) $(key).value = state[key];
    drawList(state);
    listed = filters;
  }
  const chosen = state.problem || (wide && shown[0]?.id) || "";
  markCurrent({ problem: chosen });
  drawDetail(problems.find((row) => row.id === chosen), state);
  const changed = $("browser").classList.toggle("opened", Boolean(state.problem)) !== opened;
  opened = Boolean(state.problem);
  if (changed && !WIDE.matches) $("browser").scrollIntoView({ behavior: "instant" });
}

function jump(state) {
  history.pushState(null, "", hashOf({ ...DEFAULTS, ...state }));
  draw();
  $("problems").scrollIntoView();
}

function listen() {
  addEventListener("hashchange", draw);
  addEventListener("popstate", draw);
  const changed = () => {
    const values = Object.fromEntries(FILTERS.map((key) => [key, $(key).value]));
    history.replaceState(null, "", hashOf({ ...DEFAULTS, ...values }));
    draw();
  };
  $("filters").addEventListener("input", changed);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const rows = [...$("list").querySelectorAll(".row, .more")];
    const next = rows[rows.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    event.preventDefault();
    next.focus();
    if (WIDE.matches && next.dataset.id) {
      history.replaceState(null, "", next.getAttribute("href"));
      draw();
    }
  });
  for (const lane of document.querySelectorAll("[data-format]")) {
    const { format, group, split } = lane.dataset;
    const twins = [...document.querySelectorAll("[data-format]")].filter((one) => one.dataset.format === format && one.dataset.group === group);
    lane.addEventListener("click", (event) => { event.preventDefault(); jump({ format, split }); });
    lane.addEventListener("mouseenter", () => twins.forEach((one) => one.classList.add("lit")));
    lane.addEventListener("mouseleave", () => twins.forEach((one) => one.classList.remove("lit")));
  }
}

function choosePair() {
  $("pair")?.addEventListener("change", () => {
    for (const one of document.querySelectorAll("[data-pair]")) one.hidden = one.dataset.pair !== $("pair").value;
  });
}

async function start() {
  choosePair();
  if (typeof DecompressionStream === "undefined") {
    $("count").textContent = "This browser cannot unpack the solutions; one from 2023 or later can.";
    return;
  }
  problems = await unpack();
  // If all is correct, or nothing was graded, show everything.
  if (!problems.some((row) => matches(row, DEFAULTS))) DEFAULTS.outcome = "all";
  listen();
  draw();
  if (readState().problem || location.hash.includes("=")) $("problems").scrollIntoView({ behavior: "instant" });
}

start();
