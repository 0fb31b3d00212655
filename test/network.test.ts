import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { findProgram, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip, containerWorkspace, program, until } from './container-workspace.js'

const options = { skip: containerSkip() ?? bridgeSkip(), timeoutMs: 120_000 }
const anywhere = { skip: containerSkip(), timeoutMs: 120_000 }

function bridgeSkip(): string | undefined {
  if (findProgram('ip') === undefined) return 'the program ip is not installed'
  if (findProgram('iptables') === undefined) return 'iptables is not installed'
  if (readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() !== '1')
    return 'the machine does not forward packets'
  try {
    execFileSync('ip', ['link', 'add', 'tsbtest0', 'type', 'veth', 'peer', 'name', 'tsbtest1'], { stdio: 'ignore' })
    execFileSync('ip', ['link', 'del', 'tsbtest0'], { stdio: 'ignore' })
    execFileSync('iptables', ['-t', 'nat', '-S'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'the kernel has no veth devices or no address translation'
  }
}

/** Serves its directory on port 80 of its own network, and says when it does. */
const httpd = [
  'sh',
  '-c',
  'mkdir /www; echo "page of $NAME" > /www/index.html; httpd -p 80 -h /www; until wget -q -O- http://127.0.0.1/ >/dev/null; do :; done; echo up; sleep 1000',
]

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Which rules carry our mark, each with its device. */
function ruleDevices(): string[] {
  const rules = ['nat', 'filter'].map((table) =>
    execFileSync('iptables', ['-w', '-t', table, '-S'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  return [...rules.join('\n').matchAll(/tsbuild:(tsb-\d+)/g)].map(([, device = '']) => device)
}

const deviceNames = () => readdirSync('/sys/class/net')

tests('networks', (test) => {
  test(
    'a published port leads into a bridge; ps, port and inspect tell it',
    async () => {
      await using work = await containerWorkspace()
      const args = ['--network', 'bridge', '-e', 'NAME=web', '-p', '127.0.0.1::80', '-p', '127.0.0.1::9/udp']
      const run = work.begin(['run', '--name', 'web', ...args, 'bb', ...httpd])
      await run.shows('up')
      const [port = ''] = (await work.ok(['port', 'web', '80'])).trim().split(':').slice(-1)
      const page = await fetch(`http://127.0.0.1:${port}/`)
      assert.is(await page.text(), 'page of web\n')
      const large = await Promise.all(Array.from({ length: 40 }, () => fetch(`http://127.0.0.1:${port}/bin/busybox`)))
      assert.equal(new Set(large.map(({ status }) => status)), new Set([404]))
      assert.match(
        await work.ok(['port', 'web']),
        new RegExp(`^9/udp -> 127\\.0\\.0\\.1:\\d+\n80/tcp -> 127\\.0\\.0\\.1:${port}$`),
      )
      assert.match(
        await work.ok(['ps', '--format', '{{.Ports}}']),
        new RegExp(`->9/udp, 127\\.0\\.0\\.1:${port}->80/tcp$`),
      )
      const shown = JSON.parse(await work.inspect('web', '{{json .NetworkSettings}}'))
      assert.equal(shown.Ports['80/tcp'], [{ HostIp: '127.0.0.1', HostPort: port }])
      assert.match(await work.ok(['exec', 'web', 'ip', 'addr', 'show', 'eth0']), new RegExp(`inet ${shown.IPAddress}/`))
      const missing = await work.tsbuild(['port', 'web', '81'])
      assert.is(missing.code, 1)
      assert.match(missing.stderr, /Cannot show port "81\/tcp" of "web": it is not published/)
      const taken = await work.tsbuild([
        'run',
        '--network',
        'bridge',
        '-p',
        `127.0.0.1:${port}:80`,
        'bb',
        'echo',
        'ran',
      ])
      assert.equal([taken.code, taken.stdout], [125, ''])
      assert.match(taken.stderr, new RegExp(`Cannot publish port "127\\.0\\.0\\.1:${port}/tcp": it is in use`))
    },
    options,
  )

  test(
    'a proxy keeps half-closed connections, carries much, and resets where nothing listens',
    async () => {
      await using work = await containerWorkspace()
      // Ports alone ask for a bridge.
      const ports = ['-p', '127.0.0.1::70', '-p', '127.0.0.1::72']
      const command = ['sh', '-c', 'echo up; nc -l -p 70 -e md5sum; sleep 1000']
      const run = work.begin(['run', '--name', 'sums', ...ports, 'bb', ...command])
      await run.shows('up')
      const portOf = async (inner: string) => Number((await work.ok(['port', 'sums', inner])).trim().split(':').at(-1))
      await until('that nc listens', async () => /:70 /.test(await work.ok(['exec', 'sums', 'netstat', '-lnt'])))
      const client = connect({ port: await portOf('70'), host: '127.0.0.1', allowHalfOpen: true })
      const data = Buffer.alloc(8 << 20, 'x')
      client.end(data)
      let sum = ''
      for await (const chunk of client) sum += chunk
      assert.is(sum.slice(0, 32), createHash('md5').update(data).digest('hex'))
      const refused = connect(await portOf('72'), '127.0.0.1')
      const [error] = await once(refused, 'error')
      assert.is(error.code, 'ECONNRESET')
    },
    options,
  )

  test(
    'a bridge reaches the host at its gateway and not its loopback; containers differ in address and can share a network',
    async () => {
      const outside = createServer((socket) => socket.end('outside\n'))
      const loopback = createServer((socket) => socket.end('loopback\n'))
      try {
        await using work = await containerWorkspace()
        const first = work.begin([
          'run',
          '--name',
          'first',
          '--network',
          'bridge',
          'bb',
          'sh',
          '-c',
          'echo up; sleep 1000',
        ])
        await first.shows('up')
        const [gateway, address] = (
          await work.inspect('first', '{{.NetworkSettings.Gateway}} {{.NetworkSettings.IPAddress}}')
        )
          .trim()
          .split(' ')
        // Only the address of this container's own network: nothing listens where others could come.
        const ports = [await listening(outside, gateway ?? ''), await listening(loopback, '127.0.0.1')]
        const ask = (host: string, port: number | undefined) =>
          work.tsbuild(['exec', 'first', 'sh', '-c', `nc -w 5 ${host} ${port} </dev/null`])
        assert.is((await ask(gateway ?? '', ports[0])).stdout, 'outside\n')
        assert.is((await ask('127.0.0.1', ports[1])).stdout, '')
        const shared = [
          'run',
          '--rm',
          '--network',
          'container:first',
          '--add-host',
          'machine:host-gateway',
          '--dns',
          '9.9.9.9',
        ]
        const seen = await work.ok([...shared, 'bb', 'sh', '-c', 'ip addr show eth0; cat /etc/hosts /etc/resolv.conf'])
        assert.match(seen, new RegExp(`inet ${address}/`))
        assert.match(seen, new RegExp(`^${gateway}\tmachine$`, 'm'))
        assert.match(seen, /^nameserver 9\.9\.9\.9$/m)
        const other = await work.ok(['run', '--rm', '--network', 'bridge', 'bb', 'ip', 'addr', 'show', 'eth0'])
        assert.match(other, /inet 10\.|inet 172\./)
        assert.not.match(other, new RegExp(`inet ${address}/`))
      } finally {
        outside.close()
        loopback.close()
      }
    },
    options,
  )

  test(
    'a killed monitor leaves no device, and its rules go with the next network',
    async () => {
      await using work = await containerWorkspace()
      const run = work.begin(['run', '--name', 'lost', '--network', 'bridge', 'bb', 'sh', '-c', 'echo up; sleep 1000'])
      await run.shows('up')
      const [gateway] = (await work.inspect('lost', '{{.NetworkSettings.Gateway}}')).trim().split(' ')
      const device =
        execFileSync('ip', ['-o', 'addr', 'show', 'to', gateway ?? ''], { encoding: 'utf8' }).split(/\s+/)[1] ?? ''
      assert.match(device, /^tsb-\d+$/)
      assert.ok(ruleDevices().includes(device))
      for (const pid of work.monitors()) process.kill(pid, 'SIGKILL')
      await run.ended
      await until('the end of the device', () => !deviceNames().includes(device))
      await work.ok(['run', '--rm', '--network', 'bridge', 'bb', 'true'])
      // Another process may have taken the name again; then the device is there, too.
      await until('the end of the rules', () => ruleDevices().every((name) => deviceNames().includes(name)))
    },
    options,
  )

  test(
    'build --network bridge gives RUN a network of its own, RUN --network=none none',
    async () => {
      await using work = await containerWorkspace()
      const file = join(work.path, 'Networks')
      const steps = [
        'RUN ip addr show eth0 | grep -q "inet 1" && ! ip link show lo | grep -q DOWN',
        'RUN --network=none ! ip addr show eth0',
      ]
      await writeFile(file, ['FROM bb', ...steps, ''].join('\n'))
      await work.ok(['build', '--network', 'bridge', '--no-cache', '-f', file, work.context])
    },
    options,
  )

  test(
    'a machine that forwards nothing has no bridge, which is an error of its own',
    async () => {
      await using work = await containerWorkspace()
      const alone = ['unshare', '--net', 'sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward && exec "$@"', 'sh']
      const args = ['run', '--rm', '--network', 'bridge', 'bb', 'echo', 'ran']
      const { code, stdout, stderr } = await work.spawn([...alone, process.execPath, program, ...args]).ended
      assert.equal([code, stdout], [125, ''])
      assert.match(stderr, /Cannot set up network "bridge": the machine does not forward packets/)
      assert.match(stderr, /sysctl -w net\.ipv4\.ip_forward=1; or use --network host or none/)
      assert.is(await work.ok(['ps', '-aq']), '')
    },
    { ...options, skip: options.skip ?? (findProgram('unshare') ? undefined : 'unshare is not installed') },
  )

  test(
    'run refuses ports and networks that it does not understand, and warns where ports mean nothing',
    async () => {
      await using work = await containerWorkspace()
      const refused: Readonly<Record<string, RegExp>> = {
        '-p 70000:80': /Cannot parse --publish "70000:80": "70000" is no range of ports up to 65535/,
        '-p 80/sctp': /the protocol is not tcp or udp/,
        '-p 8000-8002:80-81': /the ranges differ in length/,
        '-p 300.0.0.1:80:80': /"300\.0\.0\.1" is no address/,
        '-p a:b:c': /not \[\[address:\]host:\]container\[\/protocol\]/,
        '--network bridges': /Cannot parse --network "bridges": not bridge, host, none or container:NAME/,
        '--network container:nobody': /Cannot find container "nobody"/,
        '--dns name': /Cannot parse --dns "name": not an address/,
      }
      for (const [flags, reason] of Object.entries(refused)) {
        const { code, stderr } = await work.tsbuild(['run', ...flags.split(' '), 'bb', 'true'])
        assert.is(code, 125, flags)
        assert.match(stderr, reason)
      }
      const warned = await work.tsbuild([
        'run',
        '--rm',
        '--network',
        'host',
        '-p',
        '127.0.0.1:1:1',
        'bb',
        'echo',
        'ran',
      ])
      assert.equal([warned.code, warned.stdout], [0, 'ran\n'])
      assert.match(warned.stderr, /WARNING: Published ports are discarded when using host network mode/)
    },
    anywhere,
  )
})
