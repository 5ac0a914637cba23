// SPDX-License-Identifier: Apache-2.0
// Two conveniences; every page works without them: copy buttons, and a line that turns green by itself
// when the first call arrives.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
	const text = button.parentElement.querySelector("code, kbd").textContent;

	if (!navigator.clipboard)
		continue;
	button.hidden = false;
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(text);
		button.textContent = "Copied";
		setTimeout(() => { button.textContent = "Copy"; }, 2000);
	});
}

const waiting = document.querySelector("[data-first-call]");

// Asks for an hour at most, and only while somebody looks.
function watch(left) {
	if (left > 0)
		setTimeout(async () => {
			if (!document.hidden && await arrived())
				return;
			watch(left - 1);
		}, 3000);
}

async function arrived() {
	try {
		const answer = await fetch(waiting.dataset.firstCall, { headers: { Accept: "application/json" } });

		if (!answer.ok || !(await answer.json()).calls)
			return false;
	} catch {
		return false;	// say, the daemon restarts: ask again
	}
	const line = waiting.querySelector("[data-text]");

	waiting.classList.add("arrived");
	line.textContent = line.dataset.text;
	return true;
}

if (waiting)
	watch(1200);
