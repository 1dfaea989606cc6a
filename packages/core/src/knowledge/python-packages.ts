import { compareVersions } from './compare-versions.ts';

/**
 * Python packages with native code: for which ARM platforms their makers publish wheels.
 *
 * General knowledge, as of 2026-11; a version is given where it is sure that earlier ones have no wheel, and in doubt it
 * is the earlier one. What compiles on every platform, x86 too, is not in the list.
 */
export interface PythonPackage {
  /** As indices spell it: `opencv-python`; `*` at the end stands for any rest. */
  readonly name: string;
  /** The first version with a wheel for linux/arm64; `undefined`: there never was one. */
  readonly arm64From: string | undefined;
  /** There are wheels for 32-bit ARM on PyPI. */
  readonly arm32: boolean;
  /** Without a wheel pip can compile it; where not, it ends with "no matching distribution". */
  readonly source: boolean;
  /** What to use where there is none. */
  readonly instead?: string;
}

function rows(names: string, from: string | undefined, more: Partial<PythonPackage> = {}): PythonPackage[] {
  return names.split(' ').map((name) => ({ name, arm64From: from, arm32: false, source: true, ...more }));
}

const closed = { source: false };
const tensorflow = 'tensorflow has wheels for arm64 from 2.10 on; tflite-runtime runs models on 32-bit ARM';

const table: readonly PythonPackage[] = [
  // Compiled by pip where there is no wheel.
  ...rows('numpy', '1.19.0'),
  ...rows('scipy', '1.5.3'),
  ...rows('pandas', '1.2.0'),
  ...rows('matplotlib', '3.3.3'),
  ...rows('scikit-learn', '0.23.2'),
  ...rows('scikit-image', '0.18.0'),
  ...rows('statsmodels', '0.13.0'),
  ...rows('h5py', '3.0.0'),
  ...rows(
    'opencv-python opencv-python-headless opencv-contrib-python opencv-contrib-python-headless',
    '4.4.0',
  ),
  ...rows('pillow', '7.0.0'),
  ...rows('lxml', '4.5.1'),
  ...rows('cryptography', '3.3.0'),
  ...rows('grpcio grpcio-tools', '1.33.0'),
  ...rows('pyarrow', '2.0.0'),
  ...rows('psycopg2-binary', '2.9.0'),
  ...rows('shapely', '1.8.0'),
  ...rows('pyproj', '3.0.0'),
  ...rows('netcdf4', '1.5.6'),
  ...rows('gevent', '20.9.0'),
  ...rows('pyzmq', '19.0.0'),
  ...rows('numba llvmlite', '0.36.0'),
  ...rows('xgboost', '1.2.0'),
  ...rows('lightgbm', '3.3.0'),
  ...rows('spacy', '3.0.0'),
  ...rows('tokenizers', '0.10.0'),
  ...rows('cython cffi bcrypt pynacl psutil aiohttp', '0', { arm32: true }),

  // pip has nothing to compile these from.
  ...rows('tensorflow', '2.10.0', { ...closed, instead: tensorflow }),
  ...rows('tensorflow-cpu', '2.10.0', { ...closed, instead: tensorflow }),
  ...rows('tensorflow-gpu intel-tensorflow intel-tensorflow-avx512 tf-nightly-gpu', undefined, {
    ...closed,
    instead: tensorflow,
  }),
  ...rows('torch', '1.8.0', {
    ...closed,
    instead: 'torch has wheels for arm64 from 1.8 on, none for 32 bits',
  }),
  ...rows('torchvision', '0.9.0', { ...closed, instead: 'torchvision has wheels for arm64 from 0.9 on' }),
  ...rows('torchaudio', '0.10.0', closed),
  ...rows('intel-extension-for-pytorch intel-extension-for-tensorflow', undefined, closed),
  ...rows(
    'mkl mkl-devel mkl-static mkl-service mkl-fft mkl-random mkl-include intel-openmp intel-numpy intel-scipy daal4py scikit-learn-intelex tbb4py',
    undefined,
    {
      ...closed,
      instead: "Intel's libraries are for x86: numpy and scipy come with OpenBLAS",
    },
  ),
  ...rows('onnxruntime-gpu onnxruntime-openvino onnxruntime-directml', undefined, {
    ...closed,
    instead: 'onnxruntime is the build without a GPU',
  }),
  ...rows('mxnet-mkl mxnet-cu*', undefined, closed),
  ...rows('paddlepaddle-gpu faiss-gpu tensorrt-*', undefined, closed),
  ...rows('catboost', '1.2.0', closed),
];

const exact = new Map(table.filter(({ name }) => !name.endsWith('*')).map((item) => [item.name, item]));
const prefixes = table.filter(({ name }) => name.endsWith('*'));

/** What is known of a Python package with native code; `undefined` for all others. */
export function findPythonPackage(name: string): PythonPackage | undefined {
  return exact.get(name) ?? prefixes.find((item) => name.startsWith(item.name.slice(0, -1)));
}

/**
 * Tells whether a requirement can only be met by versions before another one: `==1.16.4`, `<1.18`, `~=1.16.0` before 1.19.
 *
 * @param asked with its operators, e.g. `>=1,<2`; a requirement without an upper bound is met by the newest version
 */
export function isBefore(asked: string | undefined, version: string): boolean {
  const clauses = (asked ?? '').split(';')[0]?.split(',') ?? [];
  return clauses.some((clause) => {
    const match = /^\s*(===?|<=?|~=)\s*v?(\d+(?:\.\d+)*)/.exec(clause);
    if (!match) return false;
    const [, operator, bound = ''] = match;
    if (operator === '<') return order(bound, version) <= 0;
    if (operator !== '~=') {
      // `==1.*` asks for the newest of a series.
      const isSeries = clause.trim().endsWith('.*');
      return isSeries ? order(next(bound), version) <= 0 : order(bound, version) < 0;
    }
    return order(next(bound.slice(0, bound.lastIndexOf('.'))), version) <= 0;
  });
}

/** The first version behind a series: 1.17 of 1.16. */
function next(series: string): string {
  const numbers = series.split('.').map(Number);
  numbers[numbers.length - 1] = (numbers.at(-1) ?? 0) + 1;
  return numbers.join('.');
}

function order(a: string, b: string): number {
  return compareVersions(a.split('.').map(Number), b.split('.').map(Number));
}
