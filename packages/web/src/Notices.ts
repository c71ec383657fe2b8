import { signal } from "@preact/signals"
import Toastify from "toastify-js"
import "toastify-js/src/toastify.css"

const WANTED = "g-store.notify"
const MILLIS = 6_000

/** Tells people what happened: toasts, a live region for screen readers, and the system's notifications if wanted. */
export class Notices {
  /** What a screen reader says next. */
  readonly spoken = signal("")
  readonly permission = signal<NotificationPermission | "unsupported">(
    "Notification" in globalThis ? Notification.permission : "unsupported"
  )
  readonly wanted = signal(localStorage.getItem(WANTED) === "yes")

  /** `quiet`: a toast alone, for what the person just did themselves. */
  say(text: string, kind: "news" | "good" | "bad" = "news", closeLabel = "Close"): void {
    this.spoken.value = text
    const toast = Toastify({
      text,
      duration: MILLIS,
      close: true,
      stopOnFocus: true,
      gravity: "bottom",
      position: "right",
      className: `toast toast-${kind}`,
      // The live region speaks; twice would be noise.
      ariaLive: "off"
    })
    toast.showToast()
    document.querySelectorAll(".toast-close").forEach((button) => button.setAttribute("aria-label", closeLabel))
    if (document.hidden && this.wanted.value && this.permission.value === "granted") {
      new Notification("g-store", { body: text, icon: "/favicon.svg" })
    }
  }

  /** Asks the browser for its notifications the first time; then turns them on and off. */
  async toggle(): Promise<void> {
    if (this.permission.value === "default") this.permission.value = await Notification.requestPermission()
    this.wanted.value = this.permission.value === "granted" && !this.wanted.value
    localStorage.setItem(WANTED, this.wanted.value ? "yes" : "no")
  }
}
