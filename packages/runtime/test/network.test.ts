import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { removalOf } from '../dist/network/nat.js'
import { publishPorts } from '../dist/network/ports.js'
import { reachableServers, withServers } from '../dist/network/resolv-conf.js'
import { choosePool, parseDevices, parseRoutes, subnetAt } from '../dist/network/subnets.js'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const route = (device: string, to: string, mask: string) =>
  `${device}\t${to}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`

tests('networks of the runtime', (test) => {
  test('subnetAt() divides a pool into networks of four addresses', () => {
    assert.equal(subnetAt('10.213.0.0', 0), {
      gateway: '10.213.0.1',
      address: '10.213.0.2',
      prefixLength: 30,
      range: '10.213.0.0/30',
      pool: '10.213.0.0/16',
    })
    assert.is(subnetAt('10.213.0.0', 65).address, '10.213.1.6')
    assert.is(subnetAt('172.29.0.0', 16_383).range, '172.29.255.252/30')
  })

  test('choosePool() leaves out what the machine uses itself', () => {
    const own = (device: string) => device.startsWith('tsb-')
    const cases: readonly (readonly [text: string, pool: string | undefined])[] = [
      [head, '10.213.0.0'],
      [head + route('eth0', '00000000', '00000000'), '10.213.0.0'],
      [head + route('vpn', '0003D50A', '00FFFFFF'), '10.214.0.0'],
      [head + route('tsb-1', '0400D50A', 'FCFFFFFF'), '10.213.0.0'],
      [head + route('vpn', '0000000A', '000000FF'), '172.29.0.0'],
      [head + route('vpn', '0000000A', '000000FF') + route('more', '000010AC', '0000F0FF'), undefined],
      ['not a table\n1 2 3\n', '10.213.0.0'],
    ]
    for (const [text, pool] of cases) assert.is(choosePool(parseRoutes(text), own), pool, text)
  })

  test('parseDevices() reads names, whatever stands beside them', () => {
    const text = 'Inter-|   Receive\n face |bytes\n    lo: 1 2\n  eth0:12 0\ntsb-10: 0 0\n'
    assert.equal(parseDevices(text), ['lo', 'eth0', 'tsb-10'])
  })

  test('reachableServers() leaves loopback and IPv6 out', () => {
    const text =
      'search lan\nnameserver 127.0.0.53\nnameserver ::1\n nameserver 10.0.0.2 \n#nameserver 1.1.1.1\nnameserver fd00::1\n'
    assert.equal(reachableServers(text), ['10.0.0.2'])
    assert.is(withServers(`${text}options edns0\n`, ['9.9.9.9']), 'search lan\noptions edns0\nnameserver 9.9.9.9\n')
  })

  test('removalOf() turns a shown rule into the arguments that remove it', () => {
    const line = '-A FORWARD -i tsb-0 -m comment --comment "tsbuild:tsb-0" -j ACCEPT'
    assert.equal(removalOf(line), ['-D', ...'FORWARD -i tsb-0 -m comment --comment tsbuild:tsb-0 -j ACCEPT'.split(' ')])
  })

  test('publishPorts() carries datagrams there and back, for each client', async () => {
    const echo = createSocket('udp4')
    echo.on('message', (message, { port, address }) => echo.send(`echo ${message}`, port, address))
    echo.bind(0, '127.0.0.1')
    await once(echo, 'listening')
    const binding = {
      containerPort: echo.address().port,
      protocol: 'udp',
      hostPort: 0,
      hostAddress: '127.0.0.1',
    } as const
    const publication = await publishPorts([binding], () => '127.0.0.1')
    const clients = [createSocket('udp4'), createSocket('udp4')]
    try {
      const port = publication.ports[0]?.hostPort ?? 0
      const answers = clients.map((client) => once(client, 'message'))
      for (const [index, client] of clients.entries()) client.send(String(index), port, '127.0.0.1')
      const said = await Promise.all(answers)
      assert.equal(
        said.map(([message]) => String(message)),
        ['echo 0', 'echo 1'],
      )
    } finally {
      for (const client of [...clients, echo]) client.close()
      publication.close()
    }
  })

  test('publishPorts() keeps half-closed connections, and passes a reset on', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        bytes += chunk.length
        if (chunk.includes('!')) socket.resetAndDestroy()
      })
      socket.on('end', () => socket.end(`${bytes} bytes`))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port: containerPort } = server.address() as AddressInfo
    const binding = { containerPort, protocol: 'tcp', hostPort: 0, hostAddress: '127.0.0.1' } as const
    const publication = await publishPorts([binding], () => '127.0.0.1')
    try {
      const port = publication.ports[0]?.hostPort ?? 0
      const ask = async () => {
        const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
        client.end(Buffer.alloc(1 << 20))
        let text = ''
        for await (const chunk of client) text += chunk
        return text
      }
      assert.equal(new Set(await Promise.all(Array.from({ length: 50 }, ask))), new Set(['1048576 bytes']))
      const broken = connect(port, '127.0.0.1')
      broken.write('!')
      const [error] = await once(broken, 'error')
      assert.is(error.code, 'ECONNRESET')
    } finally {
      publication.close()
      server.close()
    }
  })

  test('publishPorts() takes the first free port of a range, or none of the ports at all', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const common = { containerPort: 80, protocol: 'tcp', hostAddress: '127.0.0.1' } as const
    try {
      const range = await publishPorts(
        [{ ...common, hostPort: port, hostPortEnd: Math.min(port + 50, 65_535) }],
        () => '',
      )
      assert.ok((range.ports[0]?.hostPort ?? 0) > port)
      range.close()
      const error = await publishPorts(
        [
          { ...common, hostPort: 0 },
          { ...common, hostPort: port },
        ],
        () => '',
      ).then(
        () => undefined,
        (reason) => reason,
      )
      assert.is(error?.code, 'PORT_UNAVAILABLE')
      assert.is(error?.message, `Cannot publish port "127.0.0.1:${port}/tcp": it is in use`)
    } finally {
      taken.close()
    }
  })
})
