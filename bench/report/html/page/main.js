// @ts-check
// Starts the page.

function startTheme() {
  const button = one('#theme');
  const names = ['system', 'light', 'dark'];
  let kept = 'system';
  try {
    kept = localStorage.getItem('leakbench-theme') || 'system';
  } catch {
    // A browser may keep nothing for a page from a disk; then the choice holds until the page is closed.
  }
  const show = () => {
    if (kept === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = kept;
    button.textContent = `Theme: ${kept}`;
  };
  button.addEventListener('click', () => {
    kept = names[(names.indexOf(kept) + 1) % names.length];
    try {
      localStorage.setItem('leakbench-theme', kept);
    } catch {
      // see above
    }
    show();
    drawn = '';
    showCell();
  });
  button.hidden = false;
  show();
}

startTheme();
startHelp();
startBoards();
startBar();
startCells();
startTradeoffs();
for (const tab of all('.tabs a')) {
  tab.addEventListener('click', (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    change({ board: tab.dataset.board, sort: null }, true);
  });
}
watchers.forEach((watcher) => watcher());
// The data of the rows stand behind this script, so a row opens once they are there.
watchers.push(showCell);
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', showCell);
else showCell();
document.documentElement.dataset.ready = 'true';
performance.mark('ready');
