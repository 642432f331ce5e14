// Copy buttons, and tables of a page that htmx renews. Nothing here is needed to read a page.
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const mark = button.querySelector(".material-symbols-outlined");
    try {
        await navigator.clipboard.writeText(button.dataset.copy);
        mark.textContent = "check";
        button.classList.add("is-done");
    } catch {
        mark.textContent = "error";
    }
    setTimeout(() => {
        mark.textContent = "content_copy";
        button.classList.remove("is-done");
    }, 1500);
});

// The admin's theme writes the name of a chosen file into the next text field; here that field means something else.
for (const input of document.querySelectorAll("input[type=file]")) input.hasChangeListener = true;
