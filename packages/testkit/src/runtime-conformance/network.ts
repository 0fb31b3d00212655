import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import * as assert from 'uvu/assert'
import type { BenchTest } from './fixture.js'
import { hostNamespace } from './processes.js'

/** Names and networks. */
export function networkTests(test: BenchTest): void {
  test("run() shares the host's network", async ({ sh }) => {
    const server = createServer((socket) => socket.end('hello\n')).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const { stdout } = await sh(`readlink /proc/self/ns/net; nc 127.0.0.1 ${port}`)
    server.close()
    assert.is(stdout, `${hostNamespace('net')}\nhello\n`)
  })

  test('run() gives a step without network a loopback device that is up', async ({ sh }) => {
    const script = `readlink /proc/self/ns/net; ls /sys/class/net
      ping -c1 -W2 127.0.0.1 > /dev/null && echo alive; ping -c1 -W1 192.0.2.1 2>&1 | grep -o unreachable`
    const [namespace, ...rest] = (await sh(script, { network: 'none' })).stdout.trim().split('\n')
    assert.is.not(namespace, hostNamespace('net'))
    assert.equal(rest, ['lo', 'alive', 'unreachable'])
  })

  test('run() sets the host name', async ({ sh }) => {
    assert.is((await sh('hostname', { hostname: 'builder-7' })).stdout, 'builder-7\n')
    assert.is((await sh('hostname')).stdout, 'buildkitsandbox\n')
  })

  test('run() gives the step /etc/hosts and /etc/resolv.conf', async ({ sh }) => {
    const { stdout } = await sh('cat /etc/hosts', {
      hostname: 'h1',
      extraHosts: [
        ['db', '10.0.0.9'],
        ['six', '::9'],
      ],
    })
    assert.match(stdout, /^127\.0\.0\.1\s.*\blocalhost\b.*\n/)
    assert.match(stdout, /\bh1\b/)
    assert.match(stdout, /^10\.0\.0\.9\s+db$/m)
    assert.match(stdout, /^::9\s+six$/m)
    assert.is((await sh('cat /etc/resolv.conf')).stdout, readFileSync('/etc/resolv.conf', 'utf8'))
  })
}
