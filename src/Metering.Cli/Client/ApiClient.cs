using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Metering.Safety;

namespace Metering.Cli.Client;

/// <summary>Calls the service's API for the client commands; every failure becomes one sentence with its remedy.</summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;

    private ApiClient(Uri url, string key)
    {
        Url = url;
        _http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Uri Url { get; }

    /// <summary>Finds address and key: option, environment, and the admin.key of the data directory.</summary>
    public static ApiClient Create(string? url, string? key, string dataDirectory)
    {
        var address = url ?? NotEmpty("METERING_URL") ?? Commands.CommonOptions.DefaultUrl;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https")) throw UserErrorException.Usage($"--url is '{address}'; it must be http://HOST:PORT.");
        var file = Path.Combine(dataDirectory, "admin.key");
        var secret = key ?? NotEmpty("METERING_KEY") ?? (File.Exists(file) ? File.ReadAllText(file).Trim() : null);
        if (string.IsNullOrEmpty(secret)) throw UserErrorException.Usage($"There is no key; give --key, set METERING_KEY, or --data of a running 'metering up' (no {file}).");
        return new ApiClient(parsed, secret);
    }

    public Task<JsonElement> GetAsync(string path, CancellationToken cancel) => JsonAsync(HttpMethod.Get, path, null, cancel);

    public async Task<string> GetTextAsync(string path, CancellationToken cancel)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, cancel);
        return await response.Content.ReadAsStringAsync(cancel);
    }

    public async Task<JsonElement> JsonAsync(HttpMethod method, string path, string? json, CancellationToken cancel)
    {
        using var response = await SendAsync(method, path, json is null ? null : new StringContent(json, System.Text.Encoding.UTF8, "application/json"), cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, cancel);
        }
        catch (HttpRequestException e)
        {
            throw new UserErrorException($"The service at {Url} can not be reached ({e.Message}); start it with 'metering up', or give --url.", inner: e);
        }

        if (response.IsSuccessStatusCode) return response;
        var text = await response.Content.ReadAsStringAsync(cancel);
        var status = response.StatusCode;
        response.Dispose();
        if (status == HttpStatusCode.Unauthorized) throw new UserErrorException($"The service at {Url} does not know this key; give --key, set METERING_KEY, or --data of the running service.");
        throw new UserErrorException(Explain(text) ?? $"The service at {Url} answered {(int)status}.");
    }

    public void Dispose() => _http.Dispose();

    private static string? Explain(string text)
    {
        try
        {
            var problem = JsonSerializer.Deserialize<JsonElement>(text);
            if (problem.ValueKind != JsonValueKind.Object) return null;
            if (problem.TryGetProperty("faults", out var faults)) return "It is refused:" + string.Concat(faults.EnumerateArray().Select(fault => "\n  " + fault.GetString()));
            return problem.TryGetProperty("detail", out var detail) ? detail.GetString() : problem.TryGetProperty("title", out var title) ? title.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? NotEmpty(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
