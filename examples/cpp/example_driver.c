/* The native driver of the vendor `example`: runs programs that compute element by element.
 * plugin/example_chip/__init__.py describes a program. */
#include <byoc_driver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 24, REGISTERS = 256 };
enum operation { RELU, ADD, MULTIPLY, OPERATIONS };

struct program {
  uint32_t inputs, outputs, registers, instructions;
  uint8_t* output_registers; /* little-endian u32 each */
  uint8_t* code;
  uint64_t calls, elements;
  char stats[96];
};

static _Thread_local char error[160];

static int fail(const char* words) {
  snprintf(error, sizeof(error), "%s", words);
  return BYOC_FAILED;
}

static uint32_t number(const uint8_t* at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* byoc has checked that these are the bytes that codegen gave. That they are a program of this
 * driver's version and reach for no register that is not there, only the driver can know. */
static const char* mistake(const struct program* program, const struct byoc_part* part) {
  if (program->registers > REGISTERS || program->inputs > program->registers)
    return "it names too many registers";
  const uint64_t length = HEADER + 4 * ((uint64_t)program->outputs + program->instructions);
  if (program->outputs > REGISTERS || length != part->bytes) return "it is not as long as it says";
  for (uint32_t i = 0; i < program->outputs; ++i) {
    if (number(program->output_registers + 4 * i) >= program->registers)
      return "an output is no register";
  }
  for (uint32_t i = 0; i < program->instructions; ++i) {
    const uint8_t* at = program->code + 4 * i;
    if (at[0] >= OPERATIONS) return "an operation is unknown";
    if (at[1] >= program->registers || at[2] >= program->registers || at[3] >= program->registers) {
      return "an operand is no register";
    }
  }
  return NULL;
}

static int open_blob(const struct byoc_blob* blob, void** handle) {
  const struct byoc_part* part = blob->num_parts == 1 ? blob->parts[0] : NULL;
  if (part == NULL || part->bytes < HEADER || memcmp(part->data, "EXCHIP\0\1", 8) != 0) {
    return fail("the blob is no program of version 1");
  }
  struct program* program = calloc(1, sizeof(*program));
  uint8_t* copy = malloc(part->bytes);
  if (program == NULL || copy == NULL) {
    free(program);
    free(copy);
    return fail("out of memory");
  }
  memcpy(copy, part->data, part->bytes);
  program->inputs = number(copy + 8);
  program->outputs = number(copy + 12);
  program->registers = number(copy + 16);
  program->instructions = number(copy + 20);
  memmove(copy, copy + HEADER, part->bytes - HEADER);
  program->output_registers = copy;
  program->code = copy + 4 * (size_t)program->outputs;
  const char* words = mistake(program, part);
  if (words != NULL) {
    free(copy);
    free(program);
    return fail(words);
  }
  blob->log(blob->log_context, BYOC_DEBUG, "program loaded");
  *handle = program;
  return BYOC_OK;
}

static void close_blob(void* handle) {
  struct program* program = handle;
  free(program->output_registers);
  free(program);
}

static size_t elements(const DLTensor* tensor) {
  size_t count = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i) count *= (size_t)tensor->shape[i];
  return count;
}

static void execute(const struct program* program, float* registers) {
  for (uint32_t i = 0; i < program->instructions; ++i) {
    const uint8_t* at = program->code + 4 * i;
    const float a = registers[at[2]], b = registers[at[3]];
    switch ((enum operation)at[0]) {
      case RELU:
        registers[at[1]] = a < 0 ? 0 : a;
        break;
      case ADD:
        registers[at[1]] = a + b;
        break;
      default:
        registers[at[1]] = a * b;
        break;
    }
  }
}

static int run(void* handle, const DLTensor* inputs, size_t num_inputs, const DLTensor* outputs,
               size_t num_outputs) {
  struct program* program = handle;
  if (num_inputs != program->inputs || num_outputs != program->outputs)
    return fail("the program has other operands");
  const size_t count = elements(&outputs[0]);
  float registers[REGISTERS] = {0};
  for (size_t at = 0; at < count; ++at) {
    for (size_t i = 0; i < num_inputs; ++i) registers[i] = ((const float*)inputs[i].data)[at];
    execute(program, registers);
    for (size_t i = 0; i < num_outputs; ++i) {
      ((float*)outputs[i].data)[at] = registers[number(program->output_registers + 4 * i)];
    }
  }
  program->calls += 1;
  program->elements += count;
  return BYOC_OK;
}

static const char* query(void* handle, const char* key) {
  struct program* program = handle;
  if (strcmp(key, "max_instances") == 0) return "8";
  if (strcmp(key, "stats") != 0) return NULL;
  snprintf(program->stats, sizeof(program->stats), "{\"calls\":%llu,\"elements\":%llu}",
           (unsigned long long)program->calls, (unsigned long long)program->elements);
  return program->stats;
}

static const char* last_error(void* handle) {
  (void)handle;
  return error;
}

static const struct byoc_driver driver = {
    .size = sizeof(driver),
    .abi = BYOC_DRIVER_ABI,
    .name = "example",
    .version = "1.0",
    .open = open_blob,
    .run = run,
    .close = close_blob,
    .query = query,
    .last_error = last_error,
};

const struct byoc_driver* byoc_driver(uint32_t abi) {
  return abi == BYOC_DRIVER_ABI ? &driver : NULL;
}
