import { parseGoDuration } from '../../../dockerfile/go-duration.ts';
import type { Flag } from '../../../dockerfile/model.ts';
import { exposedPorts, PortError } from '../../../dockerfile/ports.ts';
import { goDuration, goQuoteList, goQuoteNumber } from '../go-format.ts';
import { recordIn, withConfig, withHistory } from '../state.ts';
import { expand, expandPairs, expandToWords, type Step, stepFailed } from './step.ts';

export const label: Step = (state, instruction, site) => {
  const pairs = expandPairs(site, state, instruction);
  const labels = { ...recordIn<string>(state.config, 'Labels'), ...Object.fromEntries(pairs) };
  const shown = pairs.map(([name, value]) => `${name}=${value}`).join(' ');
  return withHistory(withConfig(state, { Labels: labels }), `LABEL ${shown}`);
};

export const maintainer: Step = (state, instruction) => {
  const author = instruction.args[0] ?? '';
  return withHistory({ ...state, author }, `MAINTAINER ${author}`);
};

export const expose: Step = (state, instruction, site) => {
  // Sorted as they are written, variables and all.
  const specs = [...instruction.args]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap((raw) => expandToWords(site, state, instruction, raw));
  try {
    const ports = specs.flatMap((spec) => exposedPorts(spec));
    const added = Object.fromEntries(ports.map((port) => [port, {}]));
    const all = { ...recordIn<object>(state.config, 'ExposedPorts'), ...added };
    return withHistory(withConfig(state, { ExposedPorts: all }), `EXPOSE [${ports.join(' ')}]`);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw stepFailed(site, instruction, error.message, { cause: error });
  }
};

export const volume: Step = (state, instruction, site) => {
  const volumes = instruction.args.map((raw) => expand(site, state, instruction, raw));
  if (volumes.some((path) => path === ''))
    throw stepFailed(site, instruction, 'VOLUME specified can not be an empty string');
  const all = {
    ...recordIn<object>(state.config, 'Volumes'),
    ...Object.fromEntries(volumes.map((path) => [path, {}])),
  };
  return withHistory(withConfig(state, { Volumes: all }), `VOLUME [${volumes.join(' ')}]`);
};

export const user: Step = (state, instruction, site) => {
  const name = expand(site, state, instruction, instruction.args[0] ?? '');
  return withHistory(withConfig(state, { User: name }), `USER ${name}`);
};

export const stopSignal: Step = (state, instruction, site) => {
  const signal = expand(site, state, instruction, instruction.args[0] ?? '');
  if (!isSignal(signal)) throw stepFailed(site, instruction, `Invalid signal: ${signal}`);
  return withHistory(withConfig(state, { StopSignal: signal }), `STOPSIGNAL ${signal}`);
};

/** The signals that Linux has names for; real-time ones are counted from either end. */
const signals: ReadonlySet<string> = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP ' +
    'TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

function isSignal(text: string): boolean {
  if (/^[+-]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(?:MIN\+|MAX-)([1-9]\d?)$/.exec(name)?.[1];
  return realTime === undefined ? signals.has(name) : Number(realTime) <= 15;
}

export const healthcheck: Step = (state, instruction) => {
  const [type = '', ...command] = instruction.args;
  if (type.toUpperCase() === 'NONE') {
    return withHistory(
      withConfig(state, { Healthcheck: { Test: ['NONE'] } }),
      `HEALTHCHECK ${healthText(['NONE'], {})}`,
    );
  }
  const test = [instruction.json ? 'CMD' : 'CMD-SHELL', ...command];
  const times = timesOf(instruction.flags);
  return withHistory(
    withConfig(state, { Healthcheck: { Test: test, ...times } }),
    `HEALTHCHECK ${healthText(test, times)}`,
  );
};

interface HealthTimes {
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** In nanoseconds, as Docker has them; what is 0 is not there. */
function timesOf(flags: readonly Flag[]): HealthTimes {
  const given = (name: string): string => flags.find((flag) => flag.name === name)?.value ?? '';
  const duration = (name: string): number => Math.round((parseGoDuration(given(name)) ?? 0) * 1e6);
  const all = {
    Interval: duration('interval'),
    Timeout: duration('timeout'),
    StartPeriod: duration('start-period'),
    StartInterval: duration('start-interval'),
    Retries: Number(given('retries') || 0),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== 0));
}

/** What Go's `%q` makes of the structure. */
function healthText(test: readonly string[], times: HealthTimes): string {
  const durations = [times.Interval, times.Timeout, times.StartPeriod, times.StartInterval].map(
    (value) => `"${goDuration(value ?? 0)}"`,
  );
  return `&{${goQuoteList(test)} ${durations.join(' ')} ${goQuoteNumber(times.Retries ?? 0)}}`;
}
