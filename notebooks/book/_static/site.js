// What a reader can do on a page. Works on files opened without a server or a network.

// Code is folded; a button at the head of a page opens all of it, or folds it again.
function foldCode() {
    const cells = [...document.querySelectorAll("details.hide")], title = document.querySelector("article h1");
    if (!cells.length || !title) return;
    const button = document.createElement("button"), all = () => cells.every(cell => cell.open);
    const name = () => { button.textContent = all() ? "Fold all code" : "Show all code"; };
    button.className = "btn btn-sm btn-outline-secondary all-code";
    button.addEventListener("click", () => {
        const open = !all();
        cells.forEach(cell => { cell.open = open; });
    });
    cells.forEach(cell => cell.addEventListener("toggle", name));
    name();
    title.after(button);
}

// Numbers stand at the right: every cell of a column that holds nothing else, and the column's head.
function alignNumbers() {
    const number = /^([<≤≥+−±-]?\s?[\d.,]+(e[+-]?\d+)?\s?%?(\s±\s[\d.]+)?|nan|[–—-])?$/;
    for (const table of document.querySelectorAll(".cell_output table")) {
        const rows = [...(table.tBodies[0]?.rows ?? [])].map(row => [...row.querySelectorAll("td")]);
        const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
        for (let column = 0; column < (rows[0]?.length ?? 0); column++) {
            const cells = rows.map(row => row[column]).filter(cell => cell);
            if (!cells.every(cell => number.test(cell.textContent.trim()))) continue;
            const head = heads[heads.length - rows[0].length + column];
            [...cells, ...(head?.colSpan === 1 ? [head] : [])].forEach(cell => cell.classList.add("number"));
        }
    }
}

// The id of a reading (R1, …) opens its words below what mentions it, and closes them.
function openReadings() {
    for (const link of document.querySelectorAll("a.mention[title]")) {
        link.addEventListener("click", event => {
            const block = link.closest("p, li, td, th, dd, figcaption, div");
            const open = [...block.querySelectorAll(".reading")].find(note => note.dataset.id === link.textContent);
            event.preventDefault();
            if (open) return open.remove();
            const note = document.createElement("span"), source = document.createElement("a");
            note.className = "reading";
            note.dataset.id = link.textContent;
            source.href = link.href;
            source.textContent = link.textContent;
            note.append(source, ` ${link.title}`);
            block.append(note);
        });
    }
}

// The ledger: rows that fit what is chosen and typed.
function filterLedger() {
    const controls = [...document.querySelectorAll("[data-filter]")], rows = [...document.querySelectorAll(".ledger tbody tr")];
    const fits = row => controls.every(control => {
        const value = control.value.trim().toLowerCase(), name = control.dataset.filter;
        if (name === "words") return value.split(/\s+/).every(word => row.textContent.toLowerCase().includes(word));
        return !value || row.dataset[name].toLowerCase() === value;
    });
    const show = () => {
        rows.forEach(row => { row.hidden = !fits(row); });
        const left = rows.filter(row => !row.hidden).length;
        document.querySelector(".filters output").textContent = `${left} of ${rows.length} rows`;
    };
    controls.forEach(control => control.addEventListener("input", show));
    if (controls.length) show();
}

// Sphinx's search fetches pages to show where the words are; texts.js has them already.
if (typeof TEXTS !== "undefined") {
    const root = document.documentElement.dataset.content_root;
    window.fetch = async address => {
        const page = address.slice(root.length).replace(/\.html.*$/, "");
        return new Response(`<div role="main">${TEXTS[page] ?? ""}</div>`);
    };
}

document.addEventListener("DOMContentLoaded", () => [foldCode, alignNumbers, openReadings, filterLedger].forEach(act => act()));
