/* Loads an object file with libbpf, runs a program of it once and reads a map back.
 *
 *     load FILE PROGRAM TYPE ATTACH MAP < PACKET
 *
 * TYPE and ATTACH are numbers for a libbpf that does not know the section, 0 to let it choose.
 * MAP is "-" for none; else the key is the packet's length in 32 bits, and 8 bytes are printed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
	return 1;
}

int main(int argc, char **argv)
{
	unsigned char packet[2048];
	unsigned long long value[8] = {0};
	struct bpf_map *map = NULL;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .repeat = 1);

	if (argc != 6)
		return fail("five arguments", 22);
	run.data_size_in = fread(packet, 1, sizeof(packet), stdin);
	unsigned int key = run.data_size_in;

	struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return fail("open", libbpf_get_error(object));
	struct bpf_program *program = bpf_object__find_program_by_name(object, argv[2]);
	if (!program)
		return fail("program", 2);
	if (atoi(argv[3])) {
		bpf_program__set_type(program, atoi(argv[3]));
		bpf_program__set_expected_attach_type(program, atoi(argv[4]));
	}
	int error = bpf_object__load(object);
	if (error)
		return fail("load", error);
	if (strcmp(argv[5], "-")) {
		map = bpf_object__find_map_by_name(object, argv[5]);
		if (!map)
			return fail("map", 2);
		error = bpf_map__update_elem(map, &key, sizeof(key), value, bpf_map__value_size(map), 0);
		if (error)
			return fail("update", error);
	}
	error = bpf_prog_test_run_opts(bpf_program__fd(program), &run);
	if (error)
		return fail("run", error);
	printf("verdict %u\n", run.retval);
	if (map) {
		error = bpf_map__lookup_elem(map, &key, sizeof(key), value, bpf_map__value_size(map), 0);
		if (error)
			return fail("look up", error);
		printf("%s: %u-byte keys, %u-byte values, %u at most; %llu\n", bpf_map__name(map),
		       bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map),
		       value[0]);
	}
	bpf_object__close(object);
	return 0;
}
