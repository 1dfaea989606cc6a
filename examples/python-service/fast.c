#include <Python.h>

/* The sum of the squares below a number. */
static PyObject *squares(PyObject *self, PyObject *args) {
  long until, sum = 0;
  if (!PyArg_ParseTuple(args, "l", &until)) return NULL;
  for (long i = 0; i < until; i++) sum += i * i;
  return PyLong_FromLong(sum);
}

static PyMethodDef methods[] = {{"squares", squares, METH_VARARGS, "Sum of squares."}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods};

PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
