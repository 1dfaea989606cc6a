import { browserToolchain } from '../../../packages/core/src/rules/browser-toolchain.ts';
import { closedSourceDbClient } from '../../../packages/core/src/rules/closed-source-db-client.ts';
import { condaX86 } from '../../../packages/core/src/rules/conda-x86.ts';
import { x86WheelUrl } from '../../../packages/core/src/rules/x86-wheel-url.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const both = (text: string): { v7: string; v6: string } => ({ v7: text, v6: text });
const subdir = { arm64: 'error auto: linux-64 → linux-aarch64', ...both('error none: linux-64') };

ruleTable(
  condaX86,
  [
    { text: 'ENV CONDA_SUBDIR=linux-64\nRUN conda install numpy', ...subdir },
    { text: 'RUN CONDA_SUBDIR=linux-64 conda install numpy', ...subdir },
    { text: 'RUN conda config --env --set subdir linux-64', ...subdir },
    { text: 'RUN micromamba create -n x --platform linux-64 numpy', ...subdir },
    { text: 'COPY conda-linux-64.lock /tmp/', all: 'error none: linux-64' },
    {
      text: 'RUN conda install -y numpy mkl mkl-service=2',
      all: 'error none: mkl; error none: mkl-service=2',
    },
    {
      text: 'FROM continuumio/miniconda3:4.12.0\nRUN true',
      ...both('error none: continuumio/miniconda3:4.12.0'),
    },
    {
      text: 'FROM continuumio/miniconda3 AS a\nFROM a\nRUN true',
      ...both('error none: continuumio/miniconda3'),
    },
    // Nothing to say.
    { text: 'RUN conda install numpy nomkl' },
    { text: 'RUN echo conda linux-64; pip install linux-64-tools' },
    { text: 'RUN case $TARGETARCH in amd64) conda install mkl;; esac' },
    { text: 'FROM --platform=linux/amd64 continuumio/miniconda3\nRUN true' },
    { text: 'FROM debian AS amd64\nENV CONDA_SUBDIR=linux-64' },
  ],
  (fragment) =>
    // Of the installer's address itself the rules about downloads speak.
    fragment.endsWith('-Linux-x86_64.sh') ? `ENV CONDA_SUBDIR=linux-64\n${fragment}` : fragment,
);
migratesOnce(condaX86, [
  ['FROM debian:13\nRUN conda config --env --set subdir linux-64\n'],
  ['FROM debian:13\nENV CONDA_SUBDIR=linux-64\nRUN conda install numpy\n'],
]);

const slim = 'FROM node:20-bookworm-slim\n';

ruleTable(browserToolchain, [
  { text: `${slim}RUN npm i puppeteer`, all: 'error none: puppeteer' },
  {
    text: `${slim}RUN npm install -g phantomjs-prebuilt@2.1 typescript`,
    all: 'error none: phantomjs-prebuilt@2.1',
  },
  { text: `${slim}RUN yarn add node-sass`, all: 'error none: node-sass' },
  { text: 'FROM node:14\nRUN npm install node-sass', all: 'warning none: node-sass' },
  { text: `${slim}RUN npm i -D playwright cypress`, ...both('error none: playwright; error none: cypress') },
  { text: 'FROM python:3\nRUN pip install pyppeteer', all: 'error none: pyppeteer' },
  { text: `${slim}RUN npm i -g chromedriver`, all: 'warning none: chromedriver' },
  // Nothing to say.
  { text: `${slim}ENV PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=true\nRUN npm i puppeteer` },
  { text: `${slim}RUN npm i puppeteer-core sass selenium-webdriver` },
  { text: `${slim}RUN npm uninstall puppeteer; echo npm i puppeteer` },
  { text: `${slim}RUN if [ "$(uname -m)" = x86_64 ]; then npm i puppeteer; fi` },
  { text: 'FROM --platform=$BUILDPLATFORM node:20\nRUN npm i puppeteer' },
]);

const hosted =
  'https://files.pythonhosted.org/packages/aa/bb/numpy-1.21.0-cp39-cp39-manylinux2014_x86_64.whl';

ruleTable(x86WheelUrl, [
  {
    text: 'RUN pip install https://example.org/torch-1.4.0-cp37-cp37m-linux_x86_64.whl',
    all: 'error none: https://example.org/torch-1.4.0-cp37-cp37m-linux_x86_64.whl',
  },
  {
    text: `RUN pip install ${hosted}`,
    arm64: `error semi: ${hosted} → numpy==1.21.0`,
    ...both(`error none: ${hosted}`),
  },
  {
    text: 'RUN pip3 install ./foo-1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    all: 'error none: foo-1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  },
  {
    text: 'RUN v=$(cat v); pip install https://example.org/foo-$v-cp39-cp39-linux_x86_64.whl',
    all: 'error none: https://example.org/foo-$v-cp39-cp39-linux_x86_64.whl',
  },
  { text: 'RUN pip install https://example.org/foo-1.0-py3-none-any.whl' },
  { text: 'RUN pip install https://example.org/foo-1.0-cp39-cp39-manylinux2014_aarch64.whl' },
  { text: 'RUN echo foo-1-cp39-cp39-linux_x86_64.whl' },
  {
    text: 'RUN if [ "$(uname -m)" = x86_64 ]; then pip install https://e.org/foo-1-cp39-cp39-linux_x86_64.whl; fi',
  },
]);

migratesOnce(x86WheelUrl, [[`FROM python:3.9\nRUN pip install ${hosted}\n`]]);

ruleTable(closedSourceDbClient, [
  {
    text: 'ADD instantclient-basic-linux.x64-19.19.zip /tmp/',
    all: 'error none: instantclient-basic-linux.x64-19.19.zip',
  },
  {
    text: 'RUN yum install -y https://example.org/oracle-instantclient19.3-basic-19.3.0.0.0-1.x86_64.rpm',
    all: 'error none: oracle-instantclient19.3-basic-19.3.0.0.0-1.x86_64.rpm',
  },
  {
    text: 'RUN ACCEPT_EULA=Y apt-get install -y msodbcsql17 mssql-tools',
    all: 'error none: msodbcsql17; error none: mssql-tools',
  },
  { text: 'RUN apt-get install -y msodbcsql18', ...both('error none: msodbcsql18') },
  { text: 'ADD instantclient-basic-linux.arm64-19.19.zip /tmp/' },
  { text: 'RUN apt-get install tdsodbc; echo msodbcsql17; apt-get remove mssql-tools' },
  { text: 'RUN case $TARGETARCH in amd64) apt-get install -y msodbcsql17;; esac' },
]);
