// The container's health check: asks the service's own readiness, and says why not.
const port = process.env.ADMIN_PORT || "9464"
try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(3_000) })
  if (!answer.ok) process.stderr.write(await answer.text())
  process.exitCode = answer.ok ? 0 : 1
} catch (error) {
  process.stderr.write(String(error))
  process.exitCode = 1
}
