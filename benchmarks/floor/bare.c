/* The floor that updates are measured against: methods that do the least a C method can do.

   Built for the limited API of Python 3.10, like the extension it is compared with. Each method
   parses its argument as its counterpart must and does one relaxed atomic operation; it has no
   checks that its counterpart could leave out. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    _Atomic uint64_t word;
    /* Interned names of the two labels. */
    PyObject *first;
    PyObject *second;
} Bare;

static PyObject *
bare_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *first, *second;
    if (!PyArg_ParseTuple(args, "UU", &first, &second)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Bare *self = (Bare *)allocate(type, 0);
    if (self == NULL) {
        return NULL;
    }
    Py_INCREF(first);
    Py_INCREF(second);
    PyUnicode_InternInPlace(&first);
    PyUnicode_InternInPlace(&second);
    self->first = first;
    self->second = second;
    return (PyObject *)self;
}

static void
bare_dealloc(PyObject *object)
{
    Bare *self = (Bare *)object;
    PyTypeObject *type = Py_TYPE(object);
    Py_XDECREF(self->first);
    Py_XDECREF(self->second);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static inline void
add_one(PyObject *self)
{
    atomic_fetch_add_explicit(&((Bare *)self)->word, 1, memory_order_relaxed);
}

static inline void
store(PyObject *self, uint64_t bits)
{
    atomic_store_explicit(&((Bare *)self)->word, bits, memory_order_relaxed);
}

static PyObject *
bare_inc(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    add_one(self);
    Py_RETURN_NONE;
}

static PyObject *
bare_set(PyObject *self, PyObject *argument)
{
    double value = PyFloat_AsDouble(argument);
    if (value == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    store(self, bits);
    Py_RETURN_NONE;
}

static PyObject *
bare_set_int(PyObject *self, PyObject *argument)
{
    long long value = PyLong_AsLongLong(argument);
    if (value == -1 && PyErr_Occurred()) {
        return NULL;
    }
    store(self, (uint64_t)value);
    Py_RETURN_NONE;
}

static PyObject *
bare_look_up(PyObject *self, PyObject *labels)
{
    Bare *bare = (Bare *)self;
    if (PyDict_GetItemWithError(labels, bare->first) == NULL
        || PyDict_GetItemWithError(labels, bare->second) == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_KeyError, "a label is missing");
        }
        return NULL;
    }
    add_one(self);
    Py_RETURN_NONE;
}

static PyMethodDef bare_methods[] = {
    {"inc", bare_inc, METH_NOARGS, "One atomic add."},
    {"set", bare_set, METH_O, "PyFloat_AsDouble and one atomic store."},
    {"set_int", bare_set_int, METH_O, "PyLong_AsLongLong and one atomic store."},
    {"look_up", bare_look_up, METH_O, "Two dict look-ups and one atomic add."},
    {NULL, NULL, 0, NULL},
};

/* Where an instruction counter begins and ends: functions that it finds by their names. */

__attribute__((visibility("default"), noinline)) void
bare_begin_counting(void)
{
    __asm__ volatile("");
}

__attribute__((visibility("default"), noinline)) void
bare_end_counting(void)
{
    __asm__ volatile("");
}

static PyObject *
begin_counting(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    bare_begin_counting();
    Py_RETURN_NONE;
}

static PyObject *
end_counting(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    bare_end_counting();
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"begin_counting", begin_counting, METH_NOARGS, "Calls bare_begin_counting(), a mark."},
    {"end_counting", end_counting, METH_NOARGS, "Calls bare_end_counting(), a mark."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot bare_slots[] = {
    {Py_tp_doc, "Bare(first, second): one word; first and second are the labels look_up() finds."},
    {Py_tp_new, bare_new},
    {Py_tp_dealloc, bare_dealloc},
    {Py_tp_methods, bare_methods},
    {0, NULL},
};

static PyType_Spec bare_spec = {
    .name = "bare.Bare",
    .basicsize = sizeof(Bare),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = bare_slots,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "bare",
    .m_doc = "Methods that do the least a C method can do.",
    .m_size = -1,
    .m_methods = module_methods,
};

PyMODINIT_FUNC
PyInit_bare(void)
{
    PyObject *self = PyModule_Create(&module);
    PyObject *type = PyType_FromSpec(&bare_spec);
    if (self == NULL || type == NULL || PyModule_AddObject(self, "Bare", type) < 0) {
        return NULL;
    }
    return self;
}
