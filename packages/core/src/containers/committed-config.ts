import type { ContainerConfig } from '@tsbuild/spec'
import type { ContainerSettings } from './record.js'

const defaultStopSignal = 'SIGTERM'

/** The config of an image that is made of a container: the image's, with what the container was made with. Pure. */
export function committedConfig(image: ContainerConfig, settings: ContainerSettings): ContainerConfig {
  const { Entrypoint: _entrypoint, Cmd: _cmd, Healthcheck: _check, ...kept } = image
  const { entrypoint, command, env, user, cwd, labels, exposed, stopSignal } = settings
  const ports = [...exposed, ...settings.publish.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)]
  return {
    ...kept,
    ...(user === '' && image.User === undefined ? {} : { User: user }),
    ...(env.length === 0 && image.Env === undefined ? {} : { Env: env }),
    ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
    ...(command.length === 0 ? {} : { Cmd: command }),
    ...(cwd === '/' && !image.WorkingDir ? {} : { WorkingDir: cwd }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) }),
    ...(stopSignal === defaultStopSignal && image.StopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...committedCheck(image, settings),
  }
}

/** Where the container has none and the image had one, the new image says so. */
function committedCheck(
  image: ContainerConfig,
  { healthcheck }: ContainerSettings,
): Pick<ContainerConfig, 'Healthcheck'> {
  if (healthcheck !== undefined) return { Healthcheck: healthcheck }
  return image.Healthcheck === undefined ? {} : { Healthcheck: { Test: ['NONE'] } }
}
