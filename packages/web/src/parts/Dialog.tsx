import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef } from "preact/hooks"

interface Props {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A question that must be answered first. The browser keeps the focus inside and gives it back. */
export const Dialog = ({ children, onClose, title }: Props) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}
