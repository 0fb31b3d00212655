import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { readPublish } from '../dist/containers/publish.js'

const tcp = { protocol: 'tcp' } as const
const good: Readonly<Record<string, ReturnType<typeof readPublish>>> = {
  '80': [{ ...tcp, containerPort: 80, hostPort: 0 }],
  ':80': [{ ...tcp, containerPort: 80, hostPort: 0 }],
  '8080:80': [{ ...tcp, containerPort: 80, hostPort: 8080 }],
  '53:53/UDP': [{ protocol: 'udp', containerPort: 53, hostPort: 53 }],
  '127.0.0.1:8080:80': [{ ...tcp, hostAddress: '127.0.0.1', containerPort: 80, hostPort: 8080 }],
  '127.0.0.1::80': [{ ...tcp, hostAddress: '127.0.0.1', containerPort: 80, hostPort: 0 }],
  '[::1]:8080:80/tcp': [{ ...tcp, hostAddress: '::1', containerPort: 80, hostPort: 8080 }],
  '8000-8001:80-81': [
    { ...tcp, containerPort: 80, hostPort: 8000 },
    { ...tcp, containerPort: 81, hostPort: 8001 },
  ],
  '80-81': [
    { ...tcp, containerPort: 80, hostPort: 0 },
    { ...tcp, containerPort: 81, hostPort: 0 },
  ],
  '8000-8010:80': [{ ...tcp, containerPort: 80, hostPort: 8000, hostPortEnd: 8010 }],
}
const bad: Readonly<Record<string, RegExp>> = {
  '': /not \[\[address:\]host:\]container\[\/protocol\]/,
  ':': /not \[\[address/,
  a: /not \[\[address/,
  '127.0.0.1:80': /not \[\[address/,
  '[::1]:80': /not \[\[address/,
  '1.2.3.4.5:80:80': /"1\.2\.3\.4\.5" is no address/,
  '80/sctp': /the protocol is not tcp or udp/,
  '80/tcp/udp': /the protocol is not tcp or udp/,
  '65536': /"65536" is no range of ports up to 65535/,
  '81-80': /"81-80" is no range/,
  '8080:0': /the port of a container is above 0/,
  '8000-8002:80-81': /the ranges differ in length/,
}

tests('readPublish()', (test) => {
  for (const [text, ports] of Object.entries(good)) {
    test(`readPublish() reads "${text}"`, () => assert.equal(readPublish(text), ports))
  }
  for (const [text, why] of Object.entries(bad)) {
    test(`readPublish() refuses "${text}"`, () => assert.throws(() => readPublish(text), why))
  }
})
