using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Metering.Safety;

namespace Metering.Cli.Client;

/// <summary>Calls the service's API for the client commands; every failure becomes one sentence with its remedy.</summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;
    private bool _tellsDemo;

    private ApiClient(Uri url, string key)
    {
        (Url, Key) = (url, key);
        _http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>What every answer of a demo bears.</summary>
    public const string DemoHeader = "Metering-Demo";

    /// <summary>The figures are a demo's, as its answers say.</summary>
    public bool IsDemo { get; private set; }

    public Uri Url { get; }

    /// <summary>The credential, for a transport that ships to the same service.</summary>
    public string Key { get; }

    /// <summary>Finds address and key: option, environment, and the admin.key of the data directory.</summary>
    /// <param name="tellsDemo">Say on standard error at the end that the figures are a demo's.</param>
    public static ApiClient Create(string? url, string? key, string dataDirectory, bool tellsDemo = true)
    {
        var address = url ?? NotEmpty("METERING_URL") ?? Commands.CommonOptions.DefaultUrl;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https")) throw UserErrorException.Usage($"--url is '{address}'; it must be http://HOST:PORT.");
        var file = Path.Combine(dataDirectory, "admin.key");
        var secret = key ?? NotEmpty("METERING_KEY") ?? (File.Exists(file) ? File.ReadAllText(file).Trim() : null);
        if (string.IsNullOrEmpty(secret)) throw UserErrorException.Usage($"There is no key; give --key, set METERING_KEY, or --data of a running 'metering up' (no {file}).");
        return new ApiClient(parsed, secret) { _tellsDemo = tellsDemo };
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

    /// <summary>The JSON at the path; null when the service knows no such thing.</summary>
    public async Task<JsonElement?> FindAsync(string path, CancellationToken cancel) => (await FindTaggedAsync(path, cancel)).Document;

    /// <summary>The JSON at the path and its <c>ETag</c>; null when the service knows no such thing.</summary>
    public async Task<(JsonElement? Document, string? Tag)> FindTaggedAsync(string path, CancellationToken cancel)
    {
        using var response = await SendRawAsync(HttpMethod.Get, path, null, cancel);
        if (response.StatusCode == HttpStatusCode.NotFound) return (null, null);
        await CheckAsync(response, cancel);
        return (JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync(cancel)), response.Headers.ETag?.ToString());
    }

    /// <summary>Sends JSON; content that the service refuses ends as a list of faults, everything else that goes wrong as an exception.</summary>
    /// <param name="ifMatch"><c>ETag</c> of what is to be changed; what was changed meanwhile is <see cref="ApiFault.Changed"/>. Null: whatever it is.</param>
    public Task<(JsonElement Answer, IReadOnlyList<ApiFault> Faults)> PutAsync(string path, string json, CancellationToken cancel, string? ifMatch = null) => OfferAsync(HttpMethod.Put, path, json, cancel, ifMatch);

    /// <summary>As <see cref="PutAsync"/>, by any method.</summary>
    public async Task<(JsonElement Answer, IReadOnlyList<ApiFault> Faults)> OfferAsync(HttpMethod method, string path, string json, CancellationToken cancel, string? ifMatch = null)
    {
        using var response = await SendRawAsync(method, path, new StringContent(json, System.Text.Encoding.UTF8, "application/json"), cancel, ifMatch);
        var text = await response.Content.ReadAsStringAsync(cancel);
        if (response.StatusCode is HttpStatusCode.PreconditionFailed) return (default, Faults(text) is [{ Field.Length: > 0 }, ..] places ? [.. places.Select(place => ApiFault.ChangedAt(place.Field))] : [ApiFault.Changed]);
        if (response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.Conflict or HttpStatusCode.NotFound) return (default, Faults(text));
        await CheckAsync(response, cancel);
        return (text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text), []);
    }

    /// <summary>An answer that is read while it comes; dispose it.</summary>
    public async Task<HttpResponseMessage> StreamAsync(string path, CancellationToken cancel, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        HttpResponseMessage response;
        try
        {
            response = Noted(await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel));
        }
        catch (HttpRequestException e)
        {
            throw new UserErrorException($"The service at {Url} can not be reached ({e.Message}); start it with 'metering up', or give --url.", inner: e);
        }

        await CheckAsync(response, cancel);
        return response;
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        var response = await SendRawAsync(method, path, content, cancel);
        await CheckAsync(response, cancel);
        return response;
    }

    private async Task<HttpResponseMessage> SendRawAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancel, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        try
        {
            return Noted(await _http.SendAsync(request, cancel));
        }
        catch (HttpRequestException e)
        {
            throw new UserErrorException($"The service at {Url} can not be reached ({e.Message}); start it with 'metering up', or give --url.", inner: e);
        }
        catch (TaskCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new UserErrorException($"The service at {Url} did not answer within {_http.Timeout.TotalMinutes:0} minutes; look at its log.", inner: e);
        }
    }

    private async Task CheckAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.IsSuccessStatusCode) return;
        var text = await response.Content.ReadAsStringAsync(cancel);
        var status = response.StatusCode;
        response.Dispose();
        if (status == HttpStatusCode.Unauthorized) throw new UserErrorException($"The service at {Url} does not know this key; give --key, set METERING_KEY, or --data of the running service.");
        throw new UserErrorException(Explain(text) ?? $"The service at {Url} answered {(int)status}.");
    }

    public void Dispose()
    {
        _http.Dispose();
        if (IsDemo && _tellsDemo) Console.Error.WriteLine("metering: a demo answered; hosts named demo-… are simulated.");
        _tellsDemo = false;
    }

    private HttpResponseMessage Noted(HttpResponseMessage response)
    {
        IsDemo |= response.Headers.Contains(DemoHeader);
        return response;
    }

    private static List<ApiFault> Faults(string text)
    {
        try
        {
            var problem = JsonSerializer.Deserialize<JsonElement>(text);
            if (problem.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array)
                return [.. errors.EnumerateArray().Select(error => new ApiFault(Tables.Text(error, "field"), $"{Tables.Text(error, "field")} {Tables.Text(error, "detail")}".Trim()))];
            if (problem.TryGetProperty("faults", out var faults)) return [.. faults.EnumerateArray().Select(fault => new ApiFault("", fault.GetString() ?? ""))];
        }
        catch (JsonException)
        {
            // Then the text speaks for itself.
        }

        return [new ApiFault("", Explain(text) ?? "The service refuses it without a reason.")];
    }

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
