import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tests } from '@tsbuild/testkit'
import { startCountingProxy } from '../dist/counting-proxy.js'

tests('startCountingProxy()', (test) => {
  test('startCountingProxy() counts both directions, and lets the server name itself by its name', async () => {
    const server = createServer((request, response) => {
      request.resume().once('end', () => response.end(`${request.headers.host} ${'x'.repeat(50_000)}`))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      await using proxy = await startCountingProxy((server.address() as AddressInfo).port)
      const answer = await fetch(`http://${proxy.host}/`, { method: 'PUT', body: 'y'.repeat(100_000) })
      const text = await answer.text()
      assert.equal(text.split(' ')[0], proxy.host)
      // HTTP's own lines come on top.
      assert.ok(proxy.sentBytes > 100_000 && proxy.sentBytes < 101_000, `sent ${proxy.sentBytes}`)
      assert.ok(proxy.fetchedBytes > 50_000 && proxy.fetchedBytes < 51_000, `fetched ${proxy.fetchedBytes}`)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
