using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Metering.EndToEnd.Deployment;

/// <summary><c>docker-compose.yml</c>: read by docker-compose, and carried out by hand with Debian's programs on the very files that it mounts.</summary>
public sealed partial class ComposeTests
{
    private static readonly string[] ByHand = ["broker", "ledger", "influxdb", "service", "agent", "prometheus", "alertmanager"];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_secrets_it_says_what_to_run()
    {
        ServerPackages.Require(ComposeFile.Program, "docker-compose");
        using var directory = new TestDirectory();
        await File.WriteAllTextAsync(directory.File("env"), "DOTNET_SDK_IMAGE=sdk\nDOTNET_RUNTIME_IMAGE=runtime\n", Cancel);

        var said = await ChildProcess.RunAsync(ComposeFile.Program, ComposeFile.Arguments(directory.File("env"), "config", "-q"), Limit, Cancel, exitCode: 1);

        Assert.Contains("run deploy/compose/prepare first", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_service_is_pinned_and_has_the_least_privileges_and_no_secret_in_sight()
    {
        using var file = await ComposeFile.PrepareAsync(Cancel);
        var services = file.Services();

        Assert.Equal(["agent", "alertmanager", "broker", "grafana", "influxdb", "ledger", "prometheus", "service"], services.Keys.Order(StringComparer.Ordinal));
        Assert.All(services, service =>
        {
            var (name, body) = (service.Key, service.Value);
            Assert.True(Text(body, "read_only") == "true", name);
            Assert.True(body["cap_drop"].ToString().Contains("ALL", StringComparison.Ordinal), name);
            Assert.True(body["security_opt"].ToString().Contains("no-new-privileges:true", StringComparison.Ordinal), name);
            Assert.True(body.Children.ContainsKey("build") || Pinned().IsMatch(Text(body, "image")), name);

            // Ours take user and health check from the Dockerfile.
            Assert.True(body.Children.ContainsKey("build") || (body.Children.ContainsKey("healthcheck") && Text(body, "user").Split(':')[0] is not ("0" or "root")), name);
            if (body.Children.TryGetValue("ports", out var ports)) Assert.All((YamlSequenceNode)ports, port => Assert.StartsWith("127.0.0.1:", port.ToString(), StringComparison.Ordinal));
        });
        Assert.Contains("/sys/fs/cgroup:/host/cgroup:ro", services["agent"]["volumes"].ToString(), StringComparison.Ordinal);

        var secrets = Directory.GetFiles(file.Secrets).Select(File.ReadAllText).ToArray();
        var config = await File.ReadAllTextAsync(file.Config, Cancel);
        var env = await File.ReadAllTextAsync(file.Directory.File("env"), Cancel);
        Assert.All(secrets, secret => Assert.False(config.Contains(secret, StringComparison.Ordinal) || env.Contains(secret, StringComparison.Ordinal)));
        Assert.Equal(secrets.Length, secrets.Distinct().Count());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(file.Secrets));

        // What is there already stays.
        await file.MakeSecretsAsync(Cancel);
        Assert.Equal(secrets, Directory.GetFiles(file.Secrets).Select(File.ReadAllText));
    }

    [Fact]
    public async Task With_the_agents_additions_it_is_still_read_only()
    {
        using var file = await ComposeFile.PrepareAsync(Cancel);

        var config = await ChildProcess.RunAsync(ComposeFile.Program, ComposeFile.Arguments(file.Directory.File("env"), "-f", Path.Combine(RepositoryFiles.Root, "deploy/compose/names.yml"), "config"), Limit, Cancel);

        Assert.Contains("- SYS_PTRACE", config, StringComparison.Ordinal);
        Assert.Contains("- /var/lib/docker/containers:/var/lib/docker/containers:ro", config, StringComparison.Ordinal);
    }

    [Fact]
    public async Task By_hand_it_meters_this_host_from_the_cgroup_tree_to_prometheus_without_a_privilege_and_takes_new_secrets()
    {
        foreach (var (program, package) in new[] { ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"), ("/usr/lib/postgresql/15/bin/initdb", "postgresql"), ("/usr/bin/prometheus", "prometheus"), ("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"), ("/usr/bin/influxd", "influxdb"), ("/usr/bin/curl", "curl") })
            ServerPackages.Require(program, package);
        ServerPackages.RequireRoot("each service gets namespaces of its own");
        using var file = await ComposeFile.PrepareAsync(Cancel);
        var built = await BuiltImages.GetAsync(Cancel);
        Directory.CreateDirectory(file.Directory.File("run"));
        var prepare = $"METERING_SECRETS={file.Secrets} METERING_ENV_FILE={file.Directory.File("env")} METERING_HOST_ID={ComposeFile.Host} {RepositoryFiles.Root}/deploy/compose/prepare --anew";
        var former = (Ledger: file.Secret("ledger_password"), Admin: file.Secret("admin_key"), Finance: file.Secret("finance_key"), Users: file.Secret("broker_users.json"));
        var key = $"-H 'Authorization: Bearer {file.Secret("admin_key")}'";
        string[] commands =
        [
            Until("curl -sf http://service:5080/readyz"),
            Until($"curl -s {key} 'http://service:5080/v1/usage?from=1d&groupBy=host' | grep '\"host\":\"{ComposeFile.Host}\"' | grep cpuSeconds"),
            Until("curl -s http://prometheus:9090/api/v1/targets | tr ',' '\\n' | grep -c '\"health\":\"up\"' | grep -x 3"),
            Until("curl -s http://prometheus:9090/api/v1/alertmanagers | grep 'alertmanager:9093/api/v2/alerts'"),
            "curl -s http://prometheus:9090/api/v1/rules | grep -o MeteringConservationBroken | head -1",
            Until("curl -sG http://influxdb:8086/query --data-urlencode db=metering --data-urlencode 'q=SHOW MEASUREMENTS' | grep metering_usage"),
            Code("finance_key", "v1/costs?groupBy=tenant"), Code("finance_key", "v1/api-keys"), Code("scrape_key", "metrics"), Code("scrape_key", "v1/costs"),

            // Metering's own alerts get to Alertmanager.
            $"curl -sf -XPUT {key} -H 'Content-Type: application/json' -d '{{\"channel\":\"alertmanager\",\"url\":\"http://alertmanager:9093\"}}' http://service:5080/v1/webhooks/am && curl -sf -XPOST {key} http://service:5080/v1/webhooks/am/test",
            Until("curl -s http://alertmanager:9093/api/v2/alerts | grep -i metering"),

            // What each may do: nothing that the file does not give.
            "for p in /proc/[0-9]*; do grep -q metering $p/cmdline && [ $(tr '\\0' ' ' <$p/cmdline | cut -d' ' -f1) = dotnet ] && grep -E 'CapBnd|CapEff|NoNewPrivs|^Uid' $p/status; done 2>/dev/null; true",
            InContainer("metering.dll", "touch /opt/x; touch /var/x; touch /usr/x; touch /var/lib/metering/y && touch /tmp/y"),
            InContainer("metering.dll", BuiltImages.HealthCheck("service")),
            InContainer("metering-agent.dll", BuiltImages.HealthCheck("agent")),
            InContainer("metering-agent.dll", BuiltImages.HealthCheck("agent") + " --url http://127.0.0.1:1/"),
            InContainer("metering-agent.dll", "touch /host/cgroup/cgroup.procs; mkdir /host/cgroup/x"),

            // Other secrets, by the commands that are printed.
            $"said=$({prepare} ledger) && echo \"$said\" && eval \"$(grep ^printf <<<\"$said\")\"",
            $"{prepare} broker && {prepare} keys",
            "docker-compose up -d --force-recreate broker ledger service agent prometheus",
            Until("curl -sf http://service:5080/readyz"),
            $"for i in $(seq 480); do last=$(curl -s -H \"Authorization: Bearer $(cat {file.Secrets}/admin_key)\" http://service:5080/v1/hosts | grep -o '\"lastWindowEnd\":\"[^\"]*' | cut -d'\"' -f4); [ -n \"$last\" ] && [ $(date -d \"$last\" +%s) -gt $(stat -c %Z {file.Secrets}/admin_key) ] && exit 0; sleep 0.25; done; exit 1",
            Until("curl -s http://prometheus:9090/api/v1/targets | tr ',' '\\n' | grep -c '\"health\":\"up\"' | grep -x 3"),
            $"curl -s -o /dev/null -w '%{{http_code}}' -H 'Authorization: Bearer {former.Admin}' http://service:5080/v1/usage",
            $"curl -s -o /dev/null -w '%{{http_code}}' -H 'Authorization: Bearer {former.Finance}' http://service:5080/v1/costs",
            $"PGPASSWORD={former.Ledger} psql -h ledger -U metering -c 'SELECT 1'",
        ];

        await using var run = ChildProcess.Start(
            Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Deployment/run-compose"),
            [file.Config, built, file.Directory.File("run"), .. ByHand], input: string.Join('\n', commands) + "\n");
        await run.WaitForExitAsync(Limit, Cancel);

        var answers = run.Lines.Where(line => line.StartsWith("{\"code\"", StringComparison.Ordinal)).Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToArray();
        var logs = run.Output + "\n" + string.Join('\n', ByHand.Select(name => $"{name}:\n{string.Join('\n', File.ReadLines(file.Directory.File($"run/{name}.log")).TakeLast(15))}"));
        Assert.True(answers.Length == commands.Length, logs);
        int[] failing = [16, 17, 26];
        for (var i = 0; i < answers.Length; i++) Assert.True((answers[i].GetProperty("code").GetInt32() != 0) == failing.Contains(i), $"{commands[i]}\n{answers[i]}\n{logs}");
        Assert.Equal(["200", "403", "200", "403"], answers[6..10].Select(Said));
        Assert.Equal("MeteringConservationBroken", Said(answers[4]));
        Assert.Equal(2, Count(Said(answers[12]), "CapBnd:\t0000000000000000"));
        Assert.Equal(2, Count(Said(answers[12]), "CapEff:\t0000000000000000"));
        Assert.Equal(2, Count(Said(answers[12]), "NoNewPrivs:\t1"));
        Assert.Contains("Uid:\t10001", Said(answers[12]), StringComparison.Ordinal);
        Assert.Contains("Uid:\t10002", Said(answers[12]), StringComparison.Ordinal);
        Assert.Equal(3, Count(answers[13].GetProperty("errors").GetString()!, "Read-only file system"));
        Assert.Equal(2, Count(answers[17].GetProperty("errors").GetString()!, "Read-only file system"));
        Assert.Contains("docker-compose up -d --force-recreate ledger service", Said(answers[18]), StringComparison.Ordinal);
        Assert.Contains("docker-compose up -d --force-recreate broker service agent", Said(answers[19]), StringComparison.Ordinal);
        Assert.Contains("docker-compose up -d --force-recreate service prometheus grafana", Said(answers[19]), StringComparison.Ordinal);
        Assert.Equal(["401", "401"], answers[24..26].Select(Said));
        Assert.NotEqual(former.Users, file.Secret("broker_users.json"));

        string Code(string secret, string path) => $"curl -s -o /dev/null -w '%{{http_code}}' -H 'Authorization: Bearer {file.Secret(secret)}' 'http://service:5080/{path}'";
    }

    private static string Until(string command) => $"for i in $(seq 480); do {command} && exit 0; sleep 0.25; done; exit 1";

    private static string InContainer(string process, string command) => $"nsenter -m -t $(pgrep -f '^dotnet .*{process}' | head -1) sh -c '{command}'";

    private static string Said(JsonElement answer) => answer.GetProperty("output").GetString()!.Trim();

    private static string Text(YamlMappingNode node, string key) => node.Children.TryGetValue(key, out var value) ? value.ToString() : "";

    private static int Count(string text, string what) => text.Split(what).Length - 1;

    [GeneratedRegex(":v?[0-9]+\\.[0-9]+(\\.[0-9]+)?$")]
    private static partial Regex Pinned();
}
