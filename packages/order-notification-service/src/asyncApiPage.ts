import type { AsyncApiDocument } from "./AsyncApiDocument.ts"

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" }
const text = (value: string): string => value.replaceAll(/[&<>"]/g, (character) => escapes[character] ?? character)
const nameIn = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1)

/** The names of schemas in a pretty-printed one lead to them. */
const json = (value: unknown): string =>
  text(JSON.stringify(value, undefined, 2)).replaceAll(
    /&quot;#\/components\/schemas\/([\w.-]+)&quot;/g,
    "<a href=\"#schema-$1\">$1</a>"
  )

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
  pre { overflow-x: auto; padding: .75rem; border: 1px solid GrayText; border-radius: .25rem; font-size: .85rem; }
  summary { cursor: pointer; } h2, h3 { margin-top: 2rem; } code { font-size: .9em; }`

/** A page that shows the document: no script, nothing from elsewhere. */
export const asyncApiPage = (document: AsyncApiDocument): string => {
  const { channels, components, info, operations } = document
  const message = (name: string): string => {
    const found = components.messages[name]
    if (found === undefined) return ""
    const headers = found.headers === undefined ? "" : `<p>Headers</p><pre>${json(found.headers)}</pre>`
    const schema = json(components.schemas[nameIn(found.payload.$ref)])
    return `<details><summary><code>${text(name)}</code>: ${text(found.summary)}</summary>`
      + `<p>${text(found.contentType)}</p>${headers}<pre>${schema}</pre></details>`
  }
  const channel = (name: string): string => {
    const { address, description, title } = channels[name] ?? { address: "", description: "", title: name }
    const own = Object.values(operations).filter((operation) => nameIn(operation.channel.$ref) === name)
    const parts = own.map(({ action, messages, summary }) =>
      `<h3>${text(summary)} <small>(the store ${action === "send" ? "sends" : "receives"})</small></h3>`
      + messages.map(({ $ref }) => message(nameIn($ref))).join("")
    )
    return `<h2>${text(title)} <code>${text(address)}</code></h2><p>${text(description)}</p>${parts.join("")}`
  }
  const schemas = Object.entries(components.schemas).map(([name, schema]) =>
    `<h3 id="schema-${text(name)}">${text(name)}</h3><pre>${json(schema)}</pre>`
  )
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">`
    + `<meta name="viewport" content="width=device-width"><title>${
      text(info.title)
    }</title><style>${style}</style></head>`
    + `<body><main><h1>${text(info.title)} ${text(info.version)}</h1><p>${text(info.description)} `
    + `The document: <a href="../asyncapi.json">asyncapi.json</a>.</p>${Object.keys(channels).map(channel).join("")}`
    + `<h2>Schemas</h2>${schemas.join("")}</main></body></html>`
}
