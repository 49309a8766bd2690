// Code is folded; a button at the head of a page opens all of it, or folds it again.
document.addEventListener("DOMContentLoaded", () => {
    const cells = [...document.querySelectorAll("details.hide")];
    const title = document.querySelector("article h1");
    if (!cells.length || !title) return;
    const button = document.createElement("button");
    const name = () => button.textContent = cells.every(cell => cell.open) ? "Fold all code" : "Show all code";
    button.className = "btn btn-sm btn-outline-secondary all-code";
    button.addEventListener("click", () => {
        const open = !cells.every(cell => cell.open);
        cells.forEach(cell => { cell.open = open; });
    });
    cells.forEach(cell => cell.addEventListener("toggle", name));
    name();
    title.after(button);
});
