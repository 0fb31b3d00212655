import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openBridgeNetwork } from '@tsbuild/runtime'
import { hasCode } from '@tsbuild/spec'
import { findProgram, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

function skipReason(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  if (findProgram('ip') === undefined) return 'the program ip is not installed'
  if (findProgram('iptables') === undefined && findProgram('nft') === undefined) return 'iptables is not installed'
  const forwards = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1'
  return forwards ? undefined : 'the machine does not forward packets'
}

/** Descriptors of network namespaces that this process has. */
function openNamespaces(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith('net:') ? [target] : []
    } catch {
      return []
    }
  })
}

const ip = findProgram('ip')

/** What stands in for `ip`: without a device for the host's end, and with one that cannot be set up. */
const failing: Readonly<Record<string, string>> = {
  'make the pair of devices': 'echo refused >&2; exit 1',
  'set up the end of the host': `if [ -e "$0.once" ]; then echo refused >&2; exit 1; fi; : > "$0.once"; exec ${ip} "$@"`,
}

tests('a bridge that fails', (test) => {
  for (const [what, script] of Object.entries(failing)) {
    test(
      `openBridgeNetwork() keeps nothing open where ip cannot ${what}`,
      async () => {
        await using dir = await tempDir()
        const path = process.env.PATH ?? ''
        await writeFile(join(dir.path, 'ip'), `#!/bin/sh\n${script}\n`)
        await chmod(join(dir.path, 'ip'), 0o755)
        const before = openNamespaces()
        process.env.PATH = `${dir.path}:${path}`
        try {
          const error = await openBridgeNetwork().catch((reason: unknown) => reason)
          assert.ok(hasCode(error, 'NETWORK_UNAVAILABLE'), String(error))
        } finally {
          process.env.PATH = path
        }
        assert.equal(openNamespaces(), before)
      },
      { skip: skipReason() },
    )
  }
})
