// `npm start` ends here: it must not wait for the operator's commands to be loaded.
if (process.argv.slice(2).join(" ") === "start") await import("./start.ts")
else await import("./gstore.ts")
