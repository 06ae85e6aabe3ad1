using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>The Kubernetes manifests, held against Kubernetes' published types (generated from its OpenAPI document), and the Dockerfile, read by a linter.</summary>
public sealed class ManifestTests
{
    private const string Python = "/usr/bin/python3";
    private const string ToJson = "import json,sys,yaml; print(json.dumps([d for f in sys.argv[1:] for d in yaml.safe_load_all(open(f)) if d]))";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static readonly string Manifests = Path.Combine(RepositoryFiles.Root, "deploy/kubernetes");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_manifest_is_what_kubernetes_types_say_and_a_wrong_one_is_found()
    {
        var directory = await InstallAsync();
        var objects = await ObjectsAsync();

        Assert.Superset(new HashSet<string>(["Namespace", "ServiceAccount", "Service", "Deployment", "DaemonSet", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Ingress"], StringComparer.Ordinal), objects.Select(Kind).ToHashSet(StringComparer.Ordinal));
        var (code, said) = await CompileAsync(directory, "check.ts", Program(objects, text => text));
        Assert.True(code == 0, said);
        foreach (var (from, to) in new[] { ("\"readOnlyRootFilesystem\"", "\"readOnlyRootFileSystem\""), ("\"containerPort\": 5080", "\"containerPort\": \"5080\""), ("\"policyTypes\"", "\"policyType\""), ("\"selector\": {\"matchLabels\"", "\"selectors\": {\"matchLabels\"") })
        {
            (code, said) = await CompileAsync(directory, "wrong.ts", Program(objects, text => text.Replace(from, to, StringComparison.Ordinal)));
            Assert.True(code != 0 && said.Contains("error TS", StringComparison.Ordinal), $"{to} was not found: {said}");
        }
    }

    [Fact]
    public async Task Pods_have_the_least_privileges_and_the_cluster_gives_them_nothing()
    {
        var objects = await ObjectsAsync();
        var pods = objects.Where(one => Kind(one) is "Deployment" or "DaemonSet").ToDictionary(Kind, one => one.GetProperty("spec"), StringComparer.Ordinal);

        Assert.DoesNotContain(objects, one => Kind(one).Contains("Role", StringComparison.Ordinal));
        Assert.All(objects.Where(one => Kind(one) == "ServiceAccount"), account => Assert.False(account.GetProperty("automountServiceAccountToken").GetBoolean()));
        Assert.All(pods.Values, spec =>
        {
            var (template, pod) = (spec.GetProperty("template"), spec.GetProperty("template").GetProperty("spec"));
            Assert.Equal(spec.GetProperty("selector").GetProperty("matchLabels").GetRawText(), template.GetProperty("metadata").GetProperty("labels").GetRawText());
            Assert.Contains(objects, one => Kind(one) == "ServiceAccount" && Name(one) == pod.GetProperty("serviceAccountName").GetString());
            Assert.False(pod.GetProperty("automountServiceAccountToken").GetBoolean());
            Assert.False(pod.TryGetProperty("hostNetwork", out _));
            Assert.Equal("RuntimeDefault", pod.GetProperty("securityContext").GetProperty("seccompProfile").GetProperty("type").GetString());
            var container = Assert.Single(pod.GetProperty("containers").EnumerateArray());
            var security = container.GetProperty("securityContext");
            Assert.True(security.GetProperty("readOnlyRootFilesystem").GetBoolean());
            Assert.False(security.GetProperty("allowPrivilegeEscalation").GetBoolean());
            Assert.False(security.TryGetProperty("privileged", out _));
            Assert.Equal("[\"ALL\"]", security.GetProperty("capabilities").GetProperty("drop").GetRawText());
            Assert.True(container.TryGetProperty("livenessProbe", out _));
            Assert.True(container.GetProperty("resources").GetProperty("limits").TryGetProperty("memory", out _));
            var volumes = pod.GetProperty("volumes").EnumerateArray().ToDictionary(volume => volume.GetProperty("name").GetString()!, StringComparer.Ordinal);
            var mounts = container.GetProperty("volumeMounts").EnumerateArray().ToDictionary(mount => mount.GetProperty("name").GetString()!, StringComparer.Ordinal);
            Assert.Equal(volumes.Keys.Order(StringComparer.Ordinal), mounts.Keys.Order(StringComparer.Ordinal));

            // Of the node nothing can be written but the journal, and secrets come by reference.
            Assert.All(volumes.Where(volume => volume.Value.TryGetProperty("hostPath", out _) && volume.Key != "journal"), volume => Assert.True(mounts[volume.Key].GetProperty("readOnly").GetBoolean(), volume.Key));
            Assert.True(volumes["credentials"].TryGetProperty("secret", out _));
            Assert.DoesNotContain(container.GetProperty("env").EnumerateArray(), variable => variable.GetProperty("name").GetString()!.EndsWith("Key", StringComparison.OrdinalIgnoreCase));
        });
        Assert.True(pods["Deployment"].GetProperty("template").GetProperty("spec").GetProperty("securityContext").GetProperty("runAsNonRoot").GetBoolean());
        Assert.Equal("[\"DAC_READ_SEARCH\", \"SYS_PTRACE\"]", pods["DaemonSet"].GetProperty("template").GetProperty("spec").GetProperty("containers")[0].GetProperty("securityContext").GetProperty("capabilities").GetProperty("add").GetRawText());

        // Closed by default, and opened for each of the two.
        var policies = objects.Where(one => Kind(one) == "NetworkPolicy").Select(one => one.GetProperty("spec")).ToArray();
        Assert.Contains(policies, policy => policy.GetProperty("podSelector").GetRawText() == "{}" && !policy.TryGetProperty("ingress", out _) && !policy.TryGetProperty("egress", out _) && policy.GetProperty("policyTypes").GetArrayLength() == 2);
        Assert.All(pods.Values, spec => Assert.Contains(policies, policy => policy.GetProperty("podSelector").TryGetProperty("matchLabels", out var labels) && labels.GetRawText() == spec.GetProperty("selector").GetProperty("matchLabels").GetRawText()));
    }

    [Fact]
    public async Task The_kustomization_has_every_manifest_but_the_example_of_secrets()
    {
        var kustomization = (await JsonAsync(Path.Combine(Manifests, "kustomization.yaml")))[0];
        var files = Directory.GetFiles(Manifests, "*.yaml").Select(file => Path.GetFileName(file)!).Where(file => file is not ("kustomization.yaml" or "secrets.example.yaml"));

        Assert.Equal(files.Order(StringComparer.Ordinal), kustomization.GetProperty("resources").EnumerateArray().Select(one => one.GetString()!).Order(StringComparer.Ordinal));
        Assert.All(kustomization.GetProperty("images").EnumerateArray(), image => Assert.NotEqual("latest", image.GetProperty("newTag").GetString()));
    }

    [Fact]
    public async Task The_ingress_leads_to_the_service_and_its_proxies_are_believed()
    {
        var component = (await JsonAsync(Path.Combine(Manifests, "ingress/kustomization.yaml")))[0];
        Assert.Equal("Component", Kind(component));
        Assert.Equal("[\"ingress.yaml\"]", component.GetProperty("resources").GetRawText());
        var (objects, patch) = (await ObjectsAsync(), (await JsonAsync(Path.Combine(Manifests, "ingress", component.GetProperty("patches")[0].GetProperty("path").GetString()!)))[0]);
        var (service, deployment, ingress) = (objects.Single(one => Kind(one) == "Service"), objects.Single(one => Kind(one) == "Deployment"), objects.Single(one => Kind(one) == "Ingress").GetProperty("spec"));

        var backend = ingress.GetProperty("rules")[0].GetProperty("http").GetProperty("paths")[0].GetProperty("backend").GetProperty("service");
        Assert.Equal(Name(service), backend.GetProperty("name").GetString());
        Assert.Equal(service.GetProperty("spec").GetProperty("ports")[0].GetProperty("name").GetString(), backend.GetProperty("port").GetProperty("name").GetString());
        Assert.Equal(ingress.GetProperty("rules")[0].GetProperty("host").GetString(), ingress.GetProperty("tls")[0].GetProperty("hosts")[0].GetString());

        // A patch adds to what has its names; one that does not would make something new.
        Assert.Equal((Kind(deployment), Name(deployment)), (Kind(patch), Name(patch)));
        var (patched, container) = (Container(patch), Container(deployment));
        Assert.Equal(container.GetProperty("name").GetString(), patched.GetProperty("name").GetString());
        var variable = patched.GetProperty("env")[0];
        Assert.Equal("METERING__Access__Proxies", variable.GetProperty("name").GetString());
        Assert.True(System.Net.IPNetwork.TryParse(variable.GetProperty("value").GetString(), out _));

        static JsonElement Container(JsonElement of) => of.GetProperty("spec").GetProperty("template").GetProperty("spec").GetProperty("containers")[0];
    }

    [Fact]
    public async Task The_dockerfile_has_no_fault_and_its_images_run_as_nobody_special()
    {
        var directory = await InstallAsync();
        var file = Path.Combine(RepositoryFiles.Root, "deploy/Dockerfile");
        await File.WriteAllTextAsync(Path.Combine(directory, "lint.cjs"), "const {validate}=require('dockerfile-utils');console.log(JSON.stringify(validate(require('fs').readFileSync(process.argv[2],'utf8'))))", Cancel);
        Assert.Equal("[]", await ChildProcess.RunAsync("/usr/bin/node", [Path.Combine(directory, "lint.cjs"), file], Limit, Cancel));

        var stages = (await File.ReadAllTextAsync(file, Cancel)).Split("\nFROM ")[2..];
        Assert.Equal(2, stages.Length);
        Assert.All(stages, stage =>
        {
            Assert.Matches("\nUSER 1000[12]:1000[12]\n", stage);
            Assert.Contains("\nHEALTHCHECK ", stage, StringComparison.Ordinal);
            Assert.DoesNotContain("\nRUN ", stage, StringComparison.Ordinal);
        });

        // What is copied from the context is there, and .dockerignore lets it through.
        var ignored = await File.ReadAllLinesAsync(Path.Combine(RepositoryFiles.Root, ".dockerignore"), Cancel);
        var copied = (await File.ReadAllLinesAsync(file, Cancel)).Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1]).Select(path => path.TrimStart('.', '/') is var name && path.StartsWith("./", StringComparison.Ordinal) ? name : path);
        Assert.All(copied, path =>
        {
            Assert.True(Path.Exists(Path.Combine(RepositoryFiles.Root, path)), path);
            Assert.Contains("!" + path, ignored);
        });
    }

    private static string Kind(JsonElement one) => one.GetProperty("kind").GetString()!;

    private static string Name(JsonElement one) => one.GetProperty("metadata").GetProperty("name").GetString()!;

    private static async Task<JsonElement[]> ObjectsAsync() => await JsonAsync([.. Directory.GetFiles(Manifests, "*.yaml").Where(file => !file.EndsWith("kustomization.yaml", StringComparison.Ordinal)).Append(Path.Combine(Manifests, "ingress/ingress.yaml")).Order(StringComparer.Ordinal)]);

    private static async Task<JsonElement[]> JsonAsync(params string[] files)
    {
        ServerPackages.Require("/usr/lib/python3/dist-packages/yaml/__init__.py", "docker-compose");
        return JsonSerializer.Deserialize<JsonElement[]>(await ChildProcess.RunAsync(Python, ["-c", ToJson, .. files], Limit, Cancel))!;
    }

    private static string Program(JsonElement[] objects, Func<string, string> change)
    {
        var program = new StringBuilder();
        foreach (var (one, i) in objects.Select((one, i) => (one, i)))
        {
            var version = one.GetProperty("apiVersion").GetString()!;
            var module = version == "v1" ? "core/v1" : version.Replace(".k8s.io", "", StringComparison.Ordinal);
            program.Append($"import type {{ {Kind(one)} as Kind{i} }} from 'kubernetes-types/{module}';\nexport const object{i}: Kind{i} = {change(one.GetRawText())};\n");
        }

        return program.ToString();
    }

    private static async Task<(int Code, string Said)> CompileAsync(string directory, string file, string program)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, file), program, Cancel);
        await using var compiler = ChildProcess.Start("/usr/bin/node",
            ["node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", file], workingDirectory: directory);
        return (await compiler.WaitForExitAsync(Limit, Cancel), compiler.Output);
    }

    // Once for a checkout: beside the other things that are built. Tests of a class run one after the other.
    private static async Task<string> InstallAsync()
    {
        ServerPackages.Require("/usr/bin/npm", "npm");
        var directory = Directory.CreateDirectory(Path.Combine(RepositoryFiles.Root, "artifacts", "npm-deployment")).FullName;
        File.Copy(Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Deployment/package.json"), Path.Combine(directory, "package.json"), overwrite: true);
        await using var npm = ChildProcess.Start("/usr/bin/npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"], workingDirectory: directory);
        Assert.True(await npm.WaitForExitAsync(Limit, Cancel) == 0, npm.Output);
        return directory;
    }
}
