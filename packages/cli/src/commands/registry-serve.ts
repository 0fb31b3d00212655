import { once } from 'node:events'
import type { AccessRecord, RegistryServer, ServeRegistryOptions } from '@tsbuild/core'
import { Option } from 'commander'
import { addRootFlag } from '../engine.js'
import { badFlag } from '../errors.js'
import { formatRequest } from '../format/request.js'
import type { Io } from '../io.js'
import { exposureWarning, parseListen } from '../listen-address.js'
import type { CliCommand } from './command.js'

interface Flags {
  readonly root?: string
  readonly listen: string
  readonly htpasswd?: string
  readonly anonymousPull?: boolean
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly readonly?: boolean
  readonly delete?: boolean
  readonly log: 'requests' | 'errors' | 'none'
}

export const registryServe: CliCommand = {
  summary: 'Serve a root folder as a registry, until Ctrl-C',
  define(command) {
    addRootFlag(command)
    command.option(
      '--listen <address>',
      'address and port (default: 127.0.0.1:5000; port 0 takes a free one)',
      '127.0.0.1:5000',
    )
    command.option('--htpasswd <file>', 'users and passwords, as "htpasswd -B" writes them')
    command.option('--anonymous-pull', 'reading needs no password')
    command.option('--tls-cert <file>', 'certificate chain, PEM')
    command.option('--tls-key <file>', 'private key of the certificate, PEM')
    command.option('--readonly', 'refuse what would change something')
    command.option('--delete', 'allow deleting tags, manifests and blobs')
    const log = new Option('--log <what>', 'lines on stderr: requests, errors or none (default: requests)')
    command.addOption(log.choices(['requests', 'errors', 'none']).default('requests'))
    command.addHelpText('after', '\nExample:\n  tsbuild registry serve --listen 127.0.0.1:5000 --root /srv/registry')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const { log, ...options } = serveOptions(flags)
    const { serveRegistry } = await import('@tsbuild/core')
    await using server = await serveRegistry({ ...options, onRequest: (request) => report(request, log, io) })
    greet(server, options, io)
    if (!io.signal.aborted) await once(io.signal, 'abort')
    return {}
  },
}

function serveOptions(flags: Flags): ServeRegistryOptions & Pick<Flags, 'log'> {
  const { root, htpasswd, anonymousPull = false, tlsCert, tlsKey, log } = flags
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw badFlag(
      tlsCert === undefined ? '--tls-key' : '--tls-cert',
      tlsCert ?? tlsKey ?? '',
      'TLS needs both --tls-cert and --tls-key',
    )
  if (anonymousPull && htpasswd === undefined)
    throw badFlag('--anonymous-pull', 'true', 'without --htpasswd nothing needs a password')
  return {
    ...parseListen(flags.listen),
    ...(root === undefined ? {} : { root }),
    ...(tlsCert === undefined || tlsKey === undefined ? {} : { tls: { certPath: tlsCert, keyPath: tlsKey } }),
    ...(htpasswd === undefined ? {} : { auth: { htpasswd, anonymousPull } }),
    readonly: flags.readonly ?? false,
    allowDelete: flags.delete ?? false,
    log,
  }
}

function greet({ url }: RegistryServer, { host = '', tls, auth }: ServeRegistryOptions, { stderr }: Io): void {
  stderr.write(exposureWarning(host, { encrypted: tls !== undefined, guarded: auth !== undefined }))
  stderr.write(`Serving the registry at ${url}\n`)
}

function report(request: AccessRecord, log: Flags['log'], { stderr }: Io): void {
  if (log === 'requests' || (log === 'errors' && request.error !== undefined)) stderr.write(formatRequest(request))
}
