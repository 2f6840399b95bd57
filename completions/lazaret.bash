# SPDX-License-Identifier: BSD-2-Clause
# bash completion for lazaret. What it offers is what --help says.
_lazaret()
{
	local cmd=$1 cur=$2 prev=$3 word command= words=

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* ]] || { command=$word && break; }
	done
	COMPREPLY=()
	case $prev in
	--containment) words="on off" ;;
	--iommu) words="smmuv3 riscv" ;;
	--regime) words="all $("$cmd" run --help 2>/dev/null | sed -n '/^Regimes:/,$s/^  //p')" ;;
	--strategy) words=$("$cmd" explore --help 2>/dev/null |
		sed -n '/--strategy NAME/{s/.*NAME//;s/(default)//;s/,//g;p}') ;;
	--seed | --runs | --time | --jobs | --bound | --replay) return ;;
	--lspci | --dtb | --iort)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	*)
		if [[ -z $command ]]; then
			words="--help --version $("$cmd" --help 2>/dev/null |
				sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')"
		elif [[ $cur == -* ]]; then
			words="--help $("$cmd" "$command" --help 2>/dev/null |
				sed -n 's/^  \(--[a-z-]*\).*/\1/p')"
		elif [[ $command == bench ]]; then
			words=$("$cmd" bench --help 2>/dev/null |
				sed -n '/^usage:/{s/.* bench \([a-z|]*\).*/\1/;s/|/ /g;p}')
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _lazaret lazaret
