import { signal } from "@preact/signals"
import Toastify from "toastify-js"

const WANTED = "g-store.notify"
const MILLIS = 6_000

/** More at once cover the page. */
const SHOWN = 4

type Toast = ReturnType<typeof Toastify>

export interface Notice {
  readonly text: string
  readonly kind: "news" | "good" | "bad"
  readonly closeLabel: string
  /** What it is about: a later notice about the same takes the place of this one. */
  readonly about: string
}

/** Tells people what happened: toasts, a live region for screen readers, and the system's notifications if wanted. */
export class Notices {
  /** What a screen reader says next. */
  readonly spoken = signal("")
  readonly permission = signal<NotificationPermission | "unsupported">(
    "Notification" in globalThis ? Notification.permission : "unsupported"
  )
  readonly wanted = signal(localStorage.getItem(WANTED) === "yes")
  private readonly shown = new Map<string, Toast>()

  say({ about, closeLabel, kind, text }: Notice): void {
    this.spoken.value = text
    this.shown.get(about)?.hideToast()
    this.shown.delete(about)
    const toast = Toastify({
      text,
      duration: MILLIS,
      close: true,
      stopOnFocus: true,
      gravity: "bottom",
      position: "right",
      className: `toast toast-${kind}`,
      // The live region speaks; twice would be noise.
      ariaLive: "off",
      callback: () => {
        if (this.shown.get(about) === toast) this.shown.delete(about)
      }
    })
    this.shown.set(about, toast)
    toast.showToast()
    document.querySelectorAll(".toast-close").forEach((button) => button.setAttribute("aria-label", closeLabel))
    const [oldest] = this.shown
    if (oldest !== undefined && this.shown.size > SHOWN) {
      this.shown.delete(oldest[0])
      oldest[1].hideToast()
    }
    if (document.hidden && this.wanted.value && this.permission.value === "granted") {
      const shown = new Notification("g-store", { body: text, icon: "/favicon.svg", tag: about })
      shown.addEventListener("click", () => window.focus())
    }
  }

  /** Asks the browser for its notifications the first time; then turns them on and off. */
  async toggle(): Promise<void> {
    if (this.permission.value === "default") this.permission.value = await Notification.requestPermission()
    this.wanted.value = this.permission.value === "granted" && !this.wanted.value
    localStorage.setItem(WANTED, this.wanted.value ? "yes" : "no")
  }
}
