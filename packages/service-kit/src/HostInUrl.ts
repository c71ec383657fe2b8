/** An address as it stands in a URL: IPv6 in brackets. */
export const hostInUrl = (host: string): string => host.includes(":") && !host.startsWith("[") ? `[${host}]` : host

/** Whether whoever listens there listens on every address of the machine. */
export const isAnyAddress = (host: string): boolean => host === "0.0.0.0" || host === "::"
