using System.IO.Enumeration;

namespace Metering.Agent.Workloads.Names;

/// <summary>Which labels are taken over: an allow-list of names in which <c>*</c> stands for anything.</summary>
internal sealed class LabelChoice
{
    public const string Default = "app,job,app.kubernetes.io/*,com.amazonaws.ecs.*,com.docker.compose.project,com.docker.compose.service,com.docker.stack.namespace,com.docker.swarm.*," +
        "com.hashicorp.nomad.*,condor.*,cost-center,env,environment,guest.*,image,kubernetes.*,libvirt.*,machine.*,nomad.*,nova.*,owner.*,project,runtime.*,service,slurm.*,team,tenant,unit.description,user.name";

    private readonly string[] _patterns;

    public LabelChoice(string patterns = Default) => _patterns = patterns.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public bool Allows(string key) => Array.Exists(_patterns, pattern => FileSystemName.MatchesSimpleExpression(pattern, key, ignoreCase: false));
}
