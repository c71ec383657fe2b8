/** What this client needs of a WebSocket, so that another one (that of the `ws` package, one for tests) can take its place. */
export interface SocketLike {
  readonly readyState: number
  send(data: string): void
  close(code?: number, reason?: string): void
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: (() => void) | null
}

/** The WebSocket of browsers and of Node. */
export const openSocket = (url: string, protocols: Array<string>): SocketLike => {
  const socket = new WebSocket(url, protocols)
  const like: SocketLike = {
    get readyState() {
      return socket.readyState
    },
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null
  }
  socket.addEventListener("open", () => like.onopen?.())
  socket.addEventListener("message", ({ data }) => like.onmessage?.({ data }))
  socket.addEventListener("close", ({ code, reason }) => like.onclose?.({ code, reason }))
  socket.addEventListener("error", () => like.onerror?.())
  return like
}
