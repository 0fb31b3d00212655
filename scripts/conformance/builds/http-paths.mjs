import { once } from 'node:events'
import { createServer } from 'node:http'

/** Serves a step's `http` paths on loopback: `{ url, lastModified(path), close() }`. */
export async function serveHttp(paths) {
  const times = new Map(Object.entries(paths).map(([path, entry]) => [path, lastModified(entry)]))
  const server = createServer((request, response) => {
    const path = Object.hasOwn(paths, request.url) ? request.url : request.url.slice(1)
    const entry = Object.hasOwn(paths, path) ? paths[path] : undefined
    if (entry === undefined) return response.writeHead(404).end()
    if (entry.etag !== undefined) response.setHeader('etag', `"${entry.etag}"`)
    const time = times.get(path)
    if (time !== undefined) response.setHeader('last-modified', time.toUTCString())
    response.end(entry.body ?? Buffer.from(entry.body_b64, 'base64'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    lastModified: (path) => times.get(path),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** `now-24h` and the like, or a date; to whole seconds, as the header has it. */
function lastModified({ last_modified: text }) {
  if (text === undefined) return undefined
  const ago = /^now-(\d+)h$/.exec(text)
  const time = ago === null ? Date.parse(text) : Date.now() - Number(ago[1]) * 3_600_000
  return new Date(Math.floor(time / 1000) * 1000)
}
