import { arch } from 'node:process'
import { SpecError } from './errors.js'

/** OCI image spec, image-index.md "platform". */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

const architectures: Record<string, readonly [architecture: string, variant?: string]> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  x64: ['amd64'],
  i386: ['386'],
  i486: ['386'],
  i586: ['386'],
  i686: ['386'],
  ia32: ['386'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  mipsle: ['mipsle'],
}

/** The platform of this machine in Go's names. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: arch })
}

/** Puts architecture and variant into the form that containerd's platforms package gives: `x86_64` is `amd64`,
 * `arm64/v8` is `arm64`, `arm` is `arm/v7`, `amd64/v1` is `amd64`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase()
  const given = platform.architecture.toLowerCase()
  const [architecture, implied] = (Object.hasOwn(architectures, given) ? architectures[given] : undefined) ?? [given]
  let variant = platform.variant?.toLowerCase() || implied
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = undefined
  if (architecture === 'amd64' && variant === 'v1') variant = undefined
  if (architecture === 'arm') {
    if (variant === undefined) variant = 'v7'
    else if (/^[5-8]$/.test(variant)) variant = `v${variant}`
  }
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(platform['os.version'] === undefined ? {} : { 'os.version': platform['os.version'] }),
    ...(platform['os.features'] === undefined ? {} : { 'os.features': platform['os.features'] }),
  }
}

/** Parses `os/arch[/variant]`, `os` or `arch`, as Docker's --platform takes it; what is left out comes from the host.
 * @throws {SpecError} `PLATFORM_INVALID` */
export function parsePlatform(text: string): Platform {
  const segments = text.split('/')
  if (segments.length > 3 || segments.some((segment) => !/^[A-Za-z0-9_.-]+$/.test(segment))) {
    throw new SpecError('PLATFORM_INVALID', `Cannot parse platform "${text}": not os/architecture[/variant]`)
  }
  const [first = '', second, variant] = segments
  if (second !== undefined) {
    return normalizePlatform({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) })
  }
  const host = hostPlatform()
  if (
    /^(linux|windows|darwin|macos|freebsd|netbsd|openbsd|solaris|illumos|aix|android|js|plan9|dragonfly)$/i.test(first)
  ) {
    return normalizePlatform({ ...host, os: first })
  }
  const known = normalizePlatform({ os: host.os, architecture: first })
  if (
    !/^(amd64|386|arm|arm64|ppc64|ppc64le|s390x|riscv64|mips|mipsle|mips64|mips64le|loong64|wasm)$/.test(
      known.architecture,
    )
  ) {
    throw new SpecError('PLATFORM_INVALID', `Cannot parse platform "${text}": unknown operating system or architecture`)
  }
  return known
}

/** `os/arch[/variant]`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/')
}

/** How well an image's platform serves a wanted one: higher is better, `undefined` is not at all.
 * An arm64 machine takes no arm image here; arm/v7 takes v7, v6, v5 in that order. */
export function platformScore(wanted: Platform, offered: Platform): number | undefined {
  const w = normalizePlatform(wanted)
  const o = normalizePlatform(offered)
  if (w.os !== o.os || w.architecture !== o.architecture) return undefined
  if (w.variant === o.variant) return 100
  if (w.architecture === 'arm' || w.architecture === 'amd64') {
    const want = Number((w.variant ?? 'v1').slice(1))
    const have = Number((o.variant ?? 'v1').slice(1))
    return have < want ? 50 + have : undefined
  }
  return undefined
}
