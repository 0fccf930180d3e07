#!/bin/bash
# ssmviz on Slurm: the first node is the head, with the app and the store; all of them train. See docs/cluster.md.
#
#   sbatch --nodes=4 --gpus-per-node=1 deploy/slurm.sh
#   ssh -L 8501:HEAD:8501 login.example.org        # HEAD stands in the job's output
#
# Every node needs the same checkout and environment (a shared file system does), and PROJECT must not be a copy.
#SBATCH --job-name=ssmviz
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00

set -euo pipefail
PROJECT=${PROJECT:-$SLURM_SUBMIT_DIR}
PORT=${PORT:-8501}
RAY_PORT=${RAY_PORT:-$((20000 + SLURM_JOB_ID % 20000))}
export PATH="$PROJECT/.venv/bin:$PATH" PYTHONPATH="$PROJECT"
# On a disk of the head: SQLite's locks are not to be trusted to a network file system.
export SSMVIZ_HOME=${SSMVIZ_HOME:-${TMPDIR:-/tmp}/ssmviz-$SLURM_JOB_ID}
# Others use these machines: without the token nobody starts a program through Ray.
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
RAY_AUTH_TOKEN=$(python -c "import secrets; print(secrets.token_hex(32))")
export RAY_AUTH_TOKEN

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
gpus=${SLURM_GPUS_ON_NODE:-0}
start="ray start --block --disable-usage-stats --num-cpus=$SLURM_CPUS_PER_TASK --num-gpus=$gpus"

cd "$PROJECT"
srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
    $start --head --node-ip-address="$address" --port="$RAY_PORT" --include-dashboard=false &
sleep 15  # until the head listens; those below try again by themselves
if ((${#nodes[@]} > 1)); then
    srun --overlap --nodes=$((${#nodes[@]} - 1)) --ntasks=$((${#nodes[@]} - 1)) --exclude="$head" \
        $start --address="$address:$RAY_PORT" &
fi

export SSMVIZ_BACKEND=ray RAY_ADDRESS="$address:$RAY_PORT" SSMVIZ_HOSTS="${SSMVIZ_HOSTS:-localhost,$head}"
srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" python -m ssmviz.runs.cluster check || true
echo "The app: http://$head:$PORT"
srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" python -m ssmviz.serve --address 0.0.0.0 --port "$PORT"
