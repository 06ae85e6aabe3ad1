using Metering.Agent.Enforcement;
using Metering.Configuration;
using Metering.Safety;
using Microsoft.Extensions.Logging;

namespace Metering.Agent;

/// <summary>What <c>metering-agent</c> does beside metering: <c>enroll</c>, <c>health</c> and <c>release</c>.</summary>
internal static class AgentCommands
{
    /// <summary>The variable, or credential file, with a token to enroll with.</summary>
    public const string TokenVariable = "METERING_ENROLL_TOKEN";

    public const string DefaultHealthUrl = "http://127.0.0.1:9469/healthz";

    /// <summary>Exchanges a token for a key and says where it is kept.</summary>
    /// <param name="tokenFile">Null: the variable, else standard input, so that the token is in no list of processes.</param>
    public static async Task<int> EnrollAsync(string? url, string? tokenFile, string dataDirectory, CancellationToken cancel)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var service) || service.Scheme is not ("http" or "https")) throw UserErrorException.Usage($"--url is '{url}'; it must be the service's http://HOST:PORT.");
        var host = await AgentEnrolment.EnrolAsync(service, await TokenAsync(tokenFile, cancel), dataDirectory, cancel);
        Console.WriteLine($"This agent is enrolled as host {host}; its key is in {Path.Combine(dataDirectory, AgentEnrolment.FileName)}. Start it, or start it again, with --data {dataDirectory}.");
        return 0;
    }

    /// <summary>Undoes the limits that an agent which runs no more has left on workloads, and says how many; 1 when one could not be undone and stays stored.</summary>
    /// <param name="cgroupRoot">Null: where this host has its cgroups.</param>
    /// <exception cref="UserErrorException">There is no such directory, or what is stored can not be read.</exception>
    public static int Release(string dataDirectory, string? cgroupRoot, ILogger log)
    {
        if (!Directory.Exists(dataDirectory)) throw UserErrorException.Usage($"There is no directory '{dataDirectory}'; --data is the one that the agent ran with.");
        var stored = new HeldLimits(dataDirectory).Load(out var trouble).Count;
        if (trouble is not null) throw new UserErrorException(trouble);
        using var enforcer = new Enforcer(
            EnforcementOptions.Off, "", new HeldLimits(dataDirectory), new ControlFiles(cgroupRoot ?? MeteringAgent.HostMounts().Unified), _ => throw new InvalidOperationException("Nothing is set here."), OwnCgroup.Path, TimeProvider.System, log);
        enforcer.Start("the agent runs no more");
        var left = enforcer.Held.Count;
        if (left > 0) Console.Error.WriteLine($"{stored - left} of {stored} limits are undone; {left} could not be and {(left == 1 ? "stays" : "stay")} stored in {dataDirectory}: the lines above say why. Call it again when that is mended.");
        else Console.WriteLine(stored == 0 ? $"No limit is stored in {dataDirectory}: nothing was to be undone." : $"{stored} {(stored == 1 ? "limit is" : "limits are")} undone.");
        return left == 0 ? 0 : 1;
    }

    private static async Task<string> TokenAsync(string? file, CancellationToken cancel)
    {
        string? text;
        try
        {
            text = file is not null ? await File.ReadAllTextAsync(file, cancel) : Credentials.Text(TokenVariable) ?? await Console.In.ReadLineAsync(cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UserErrorException.Usage($"The token can not be read ({e.Message}); check --token-file.");
        }

        return text?.Trim() is { Length: > 0 } token && !token.Any(char.IsWhiteSpace) ? token
            : throw UserErrorException.Usage($"There is no token; give one on standard input, in --token-file or in {TokenVariable}. An administrator makes it with 'metering keys create --role enroll --host HOST'.");
    }
}
