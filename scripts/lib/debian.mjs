import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture } from './run.mjs'

/** Debian packages that the tests, the demo and the benchmarks use, none of which tsbuild itself needs:
 * a program of each (how its presence is told) and what it is for. */
const packages = [
  { name: 'busybox-static', program: 'busybox', why: 'a small base image' },
  { name: 'mmdebstrap', program: 'mmdebstrap', why: 'a Debian base image' },
  { name: 'docker-registry', program: 'docker-registry', why: 'a real registry on loopback' },
  { name: 'skopeo', program: 'skopeo', why: 'reads and copies images' },
  { name: 'umoci', program: 'umoci', why: 'unpacks images' },
  { name: 'podman', program: 'podman', why: 'loads and runs images' },
  { name: 'buildah', program: 'buildah', why: 'builds beside tsbuild in benchmarks' },
  { name: 'docker.io', program: 'dockerd', why: 'loads, pulls and runs images; builds in benchmarks' },
  { name: 'runc', program: 'runc', why: 'an OCI runtime' },
  { name: 'crun', program: 'crun', why: 'an OCI runtime' },
  { name: 'uidmap', program: 'newuidmap', why: 'ranges of ids in user namespaces' },
  { name: 'apache2-utils', program: 'htpasswd', why: 'passwords for a registry that asks for one' },
  { name: 'libcap2-bin', program: 'setcap', why: 'files with capabilities' },
  { name: 'attr', program: 'setfattr', why: 'files with extended attributes' },
  { name: 'git', program: 'git', why: 'contexts from git repositories' },
  { name: 'ca-certificates', file: '/etc/ssl/certs/ca-certificates.crt', why: 'HTTPS' },
  { name: 'curl', program: 'curl', why: 'talks to registries from outside' },
  { name: 'zstd', program: 'zstd', why: 'zstd layers and archives of foreign making' },
  { name: 'openssh-client', program: 'ssh-agent', why: 'agents and keys for RUN --mount=type=ssh' },
  { name: 'openssh-server', program: 'sshd', why: 'git repositories by ssh' },
  { name: 'openssl', program: 'openssl', why: 'certificates for a registry with TLS' },
  { name: 'gcc', program: 'gcc', why: 'compiles the probes of the escape test' },
  { name: 'libc6-dev', file: '/usr/include/stdio.h', why: 'the C library for them' },
  { name: 'procps', program: 'ps', why: 'shows what runs' },
  { name: 'iproute2', program: 'ip', why: 'shows the network of a step, and makes bridges' },
  { name: 'iptables', program: 'iptables', why: 'address translation for bridges' },
]

/** Programs of `sbin` folders count too, which are not on every user's PATH. */
function hasProgram(name) {
  const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return path.some((folder) => existsSync(join(folder, name)))
}

const isMissing = ({ program, file }) => (file === undefined ? !hasProgram(program) : !existsSync(file))

/** The Debian packages whose program is not there. */
export function missingPackages() {
  return packages.filter(isMissing)
}

/** Installs what is missing, where this is root on Debian; elsewhere says what is missing. Never throws: what needs a missing
 * program is skipped visibly.
 * @param {(line: string) => void} say */
export async function ensureDebianPackages(say) {
  const wanted = missingPackages()
  if (wanted.length === 0) return
  const list = wanted.map(({ name, why }) => `  ${name}: ${why}`).join('\n')
  const names = wanted.map(({ name }) => name)
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version') || !hasProgram('apt-get')) {
    say(
      `These Debian packages are missing; what needs them is skipped (root on Debian installs them by itself):\n${list}`,
    )
    return
  }
  say(`Installing Debian packages:\n${list}`)
  const done = await withoutServices(() => install(names))
  const left = missingPackages().map(({ name }) => name)
  if (!done || left.length > 0) say(`Not installed: ${left.join(', ')}. What needs them is skipped.`)
}

async function install(names) {
  if (!knowsPackages()) await apt(['update', '-qq'])
  if (await apt(['install', ...names])) return true
  console.error('Trying again with fresh package lists')
  return (await apt(['update', '-qq'])) && (await apt(['install', ...names]))
}

function knowsPackages() {
  const lists = '/var/lib/apt/lists'
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes('_Packages'))
}

async function apt([verb, ...rest]) {
  const options = ['-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']
  const { code, output } = await capture('apt-get', [...options, verb, ...rest], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (code !== 0) console.error(output.split('\n').slice(-12).join('\n'))
  return code === 0
}

/** Debian starts the services of a package when it installs it; nothing here wants dockerd or a registry to run. */
async function withoutServices(body) {
  const policy = '/usr/sbin/policy-rc.d'
  const mine = !existsSync(policy)
  const remove = () => mine && rmSync(policy, { force: true })
  const stop = () => {
    remove()
    process.exit(130)
  }
  if (mine) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    return await body()
  } finally {
    remove()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
