import type { Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** A dialog of the browser's own kind, which brings focus and Escape with it. */
export function Dialog({ open, label, cls, children }: { open: Signal<boolean>; label: string; cls: string; children: preact.ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // At once, not after the next frame: the very next key belongs to the dialog.
  useLayoutEffect(() => {
    const d = dialog.current!;
    if (open.value && !d.open) d.showModal();
  }, [open.value]);
  // At once: closing gives the focus back, and what comes next may want it elsewhere.
  useEffect(() => open.subscribe((on) => {
    if (!on && dialog.current?.open) dialog.current.close();
  }), [open]);
  return (
    <dialog ref={dialog} class={cls} aria-label={label} onCancel={() => (open.value = false)} onClose={() => (open.value = false)} onClick={(e) => { if (e.target === dialog.current) open.value = false; }}>
      {open.value && children}
    </dialog>
  );
}
