// What hands do on the lines: wheel, touch, clicks.

import type { Live } from './live';

/** Pixels at the left that are not text: the level's sign and the bookmark. */
const EDGE = 28;

// Wheel, touch, keys and selection say that the person wants to read: the view holds still from then on.
export function bindSurface(live: Live): () => void {
  const element = live.surface.element;
  const wheel = (e: WheelEvent) => {
    if (e.deltaY < 0 && element.scrollTop > 0) live.pause();
  };
  let touchY = 0;
  const touchstart = (e: TouchEvent) => (touchY = e.touches[0].clientY);
  const touchmove = (e: TouchEvent) => {
    if (e.touches[0].clientY > touchY + 4) live.pause();
  };
  const selection = () => {
    const s = document.getSelection();
    if (s && !s.isCollapsed && live.surface.idOf(s.anchorNode) !== null) live.pause();
  };
  let downAt = { x: 0, y: 0, touch: false };
  const down = (e: PointerEvent) => (downAt = { x: e.clientX, y: e.clientY, touch: e.pointerType === 'touch' });
  const click = (e: MouseEvent) => {
    const selecting = document.getSelection();
    if (Math.hypot(e.clientX - downAt.x, e.clientY - downAt.y) > 4 || (selecting && !selecting.isCollapsed)) return;
    const id = live.surface.idOf(e.target as Node);
    if (id === null) return;
    live.pause();
    if ((e.target as Element).closest('.fold')) {
      live.hidden.unfold(id);
      return;
    }
    // The edge of a line opens its details, and so does a finger on the selected line, which has no keys at hand.
    const again = live.selected.value === id;
    if ((e.target as Element).closest('.badge, .mark') || e.clientX - element.getBoundingClientRect().left < EDGE || (again && downAt.touch)) live.drawer.value = true;
    live.select(again && !live.drawer.value ? null : id);
  };
  element.addEventListener('wheel', wheel, { passive: true });
  element.addEventListener('touchstart', touchstart, { passive: true });
  element.addEventListener('touchmove', touchmove, { passive: true });
  element.addEventListener('pointerdown', down);
  element.addEventListener('click', click);
  document.addEventListener('selectionchange', selection);
  return () => document.removeEventListener('selectionchange', selection);
}

